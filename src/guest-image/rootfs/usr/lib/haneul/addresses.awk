# Flattened network_data.json to what has to be done, one line each:
# `dhcp <mac>`, `mtu <mac> <mtu>`, `address <mac> <ip> <mask>`, `route <mac> <network> <mask> <gateway>`, `dns <address>`.
BEGIN { FS = "\t" }
{ value[$1] = $2 }
END {
  for (l = 0; ("links." l ".id") in value; l++) {
    mac[value["links." l ".id"]] = value["links." l ".ethernet_mac_address"]
    if (value["links." l ".mtu"] != "") print "mtu", value["links." l ".ethernet_mac_address"], value["links." l ".mtu"]
  }
  for (n = 0; ("networks." n ".link") in value; n++) {
    at = "networks." n "."
    nic = mac[value[at "link"]]
    if (value[at "type"] == "ipv4_dhcp") print "dhcp", nic
    if (value[at "ip_address"] == "") continue
    print "address", nic, value[at "ip_address"], value[at "netmask"]
    for (r = 0; (at "routes." r ".network") in value; r++)
      print "route", nic, value[at "routes." r ".network"], value[at "routes." r ".netmask"], value[at "routes." r ".gateway"]
    if (value[at "gateway"] != "") print "route", nic, (value[at "gateway"] ~ /:/ ? ":: ::" : "0.0.0.0 0.0.0.0"), value[at "gateway"]
  }
  for (s = 0; ("services." s ".address") in value; s++) print "dns", value["services." s ".address"]
}
