# The router between two TAP devices, a kernel with a namespace of its own at either end.
. "$(dirname "$0")/common.sh"
need_programs router
need_commands ip ping nsenter iperf3
enter_network_namespace 100

start router.log "$programs/router" --capture "$work/routed.pcapng" \
    --device tap:nk0 --address 198.18.0.254/24 --address fd00:6e6b:0:0::fe/64 \
    --device2 tap:nk1 --address2 198.18.1.254/24 --address2 fd00:6e6b:0:1::fe/64
router=$process
within 50 grep -q routing "$work/router.log" || { echo "FAILED: the router did not start: $(cat "$work/router.log")"; exit 1; }

# The far side: somebody has to live there for the namespace to exist.
start far.log unshare --net sleep 1000
far=$process
is_another_namespace() { [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
within 50 is_another_namespace || exit 1
over_there() { nsenter --target $far --net "$@"; }
ip link set nk1 netns $far
ip address add 198.18.0.1/24 dev nk0
ip address add fd00:6e6b:0:0::1/64 dev nk0 nodad
ip link set nk0 up
ip route add 198.18.1.0/24 via 198.18.0.254
ip route add fd00:6e6b:0:1::/64 via fd00:6e6b:0:0::fe
over_there ip link set lo up
over_there ip address add 198.18.1.1/24 dev nk1
over_there ip address add fd00:6e6b:0:1::1/64 dev nk1 nodad
over_there ip link set nk1 up
over_there ip route add 198.18.0.0/24 via 198.18.1.254
over_there ip route add fd00:6e6b:0:0::/64 via fd00:6e6b:0:1::fe
within 50 ping -q -c 1 -W 1 fd00:6e6b:0:1::1

check "ping through the router" ping -q -n -c 3 -i 0.2 -W 2 198.18.1.1
check "ping through the router over IPv6" ping -q -n -c 3 -i 0.2 -W 2 fd00:6e6b:0:1::1
check "one hop fewer" says 'ttl=63' ping -n -c 1 -W 2 198.18.1.1
check "too few hops" says 'From 198.18.0.254' ping -n -c 1 -W 2 -t 1 198.18.1.1
check "too few hops over IPv6" says 'From fd00:6e6b::fe' ping -n -c 1 -W 2 -t 1 fd00:6e6b:0:1::1
check "nobody there" says 'From 198.18.0.254' ping -n -c 2 -i 0.2 -W 5 198.18.1.77
check "fragments" ping -q -n -c 3 -i 0.2 -W 2 -s 5000 198.18.1.1
start iperf3.log nsenter --target $far --net iperf3 --server --one-off --forceflush
within 50 grep -q listening "$work/iperf3.log"
check "the kernels' TCP through the router" says 'receiver' timeout 20 iperf3 --client 198.18.1.1 --bytes 20M
start iperf3-6.log nsenter --target $far --net iperf3 --server --one-off --forceflush
within 50 grep -q listening "$work/iperf3-6.log"
check "the kernels' TCP through the router over IPv6" says 'receiver' timeout 20 iperf3 --client fd00:6e6b:0:1::1 --bytes 20M
stopped() {
    stop $router TERM
    same 0 $?
}
check "stops on SIGTERM" stopped
check "and says what it forwarded" grep -q 'forwarded [1-9]' "$work/router.log"
if have tshark; then
    filter='_ws.malformed || ip.checksum.status == "Bad" || icmp.checksum.status == "Bad" || icmpv6.checksum.status == "Bad"'
    complaints() { same '' "$(tshark -n -r "$work/routed.pcapng" -c 5000 -o ip.check_checksum:TRUE -Y "$filter" 2>/dev/null | head -n 5)"; }
    check "tshark finds nothing wrong with what passed" complaints
fi
finish
