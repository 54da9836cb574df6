# JSON to lines of `path<tab>value`: {"a": [{"b": 1}]} is `a.0.b<tab>1`. Escapes stay as they are, but for \" and \/.
{ rest = rest $0 "\n" }

# Commas and colons only separate: the brackets say all else.
function advance() {
  sub(/^[ \t\r\n,:]+/, "", rest)
  if (!match(rest, /^"([^"\\]|\\.)*"/) && !match(rest, /^[^][{} \t\r\n,:"]+/)) RLENGTH = 1
  token = substr(rest, 1, RLENGTH)
  rest = substr(rest, RLENGTH + 1)
}
function unquoted(text) {
  text = substr(text, 2, length(text) - 2)
  gsub(/\\"/, "\"", text)
  gsub(/\\\//, "/", text)
  return text
}
function below(path, name) { return path == "" ? name : path "." name }
function walk(path,   name, index_) {
  if (token == "{") {
    for (advance(); token != "}" && token != ""; advance()) {
      name = unquoted(token)
      advance()
      walk(below(path, name))
    }
  } else if (token == "[") {
    for (advance(); token != "]" && token != ""; advance()) walk(below(path, index_++ + 0))
  } else if (token != "null") {
    print path "\t" (substr(token, 1, 1) == "\"" ? unquoted(token) : token)
  }
}
END { advance(); walk("") }
