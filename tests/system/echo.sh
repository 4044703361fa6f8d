# tcp_echo and udp_echo on TAP and TUN, asked by bash over the system's own sockets.
. "$(dirname "$0")/common.sh"
need_programs tcp_echo udp_echo
need_commands ip ping sha256sum
enter_network_namespace 100

v4=198.18.0.2
v6=fd00:6e6b::2
head -c 20000000 /dev/urandom >"$work/data"
sum=$(sha256sum <"$work/data")

# serve DEVICE PROGRAM: with the kernel's end of the cable at 198.18.0.1 and fd00:6e6b::1.
serve() {
    local name=${1#*:}
    start "$2-$name.log" "$programs/$2" --device "$1" --address $v4/24 --address $v6/64 --port 7
    within 50 grep -q echoing "$work/$2-$name.log" || { echo "FAILED: $2 did not start: $(cat "$work/$2-$name.log")"; exit 1; }
    ip address add 198.18.0.1/24 dev "$name"
    ip address add fd00:6e6b::1/64 dev "$name" nodad
    ip link set "$name" up
    within 50 ping -q -c 1 -W 1 $v6
}
stopped() {
    stop "$process" TERM
    same 0 $?
}
# All of it there while all of it comes back: both windows fill.
comes_back() {
    local writing result=0
    exec 3<>"/dev/tcp/$1/7"
    cat "$work/data" >&3 &
    writing=$!
    same "$sum" "$(timeout 30 head -c 20000000 <&3 | sha256sum)" || result=1
    kill $writing 2>/dev/null
    exec 3>&-
    return $result
}
many_connections() {
    local i text
    for i in $(seq 100); do
        exec 3<>"/dev/tcp/$v4/7"
        echo "line $i" >&3
        read -r -t 5 text <&3
        exec 3>&-
        same "line $i" "$text" || return 1
    done
}
datagram_comes_back() {
    local text result=0
    exec 3<>"/dev/udp/$1/7"
    echo "hello, $1" >&3
    # Not by read, which takes byte after byte, and so loses all but the first of a datagram.
    text=$(timeout 5 dd bs=65536 count=1 status=none <&3)
    same "hello, $1" "$text" || result=1
    exec 3>&-
    return $result
}
large_datagram_comes_back() {
    local got result=0
    exec 3<>"/dev/udp/$1/7"
    head -c 20000 "$work/data" | dd bs=20000 iflag=fullblock status=none >&3
    got=$(timeout 5 dd bs=65536 count=1 status=none <&3 | sha256sum)
    same "$(head -c 20000 "$work/data" | sha256sum)" "$got" || result=1
    exec 3>&-
    return $result
}

for device in tap:nk0 tun:nk1; do
    echo "        $device"
    serve $device tcp_echo
    check "20 MB there and back" comes_back $v4
    check "20 MB there and back over IPv6" comes_back $v6
    check "a hundred connections, one after another" many_connections
    check "tcp_echo stops on SIGTERM" stopped
    serve $device udp_echo
    check "a datagram there and back" datagram_comes_back $v4
    check "a datagram there and back over IPv6" datagram_comes_back $v6
    check "20000 bytes, in fragments" large_datagram_comes_back $v4
    check "20000 bytes, in fragments over IPv6" large_datagram_comes_back $v6
    check "udp_echo stops on SIGTERM" stopped
done

# Its interface is deleted: it ends, and says why.
serve tap:nk2 tcp_echo
exec 3<>"/dev/tcp/$v4/7"
echo "a line" >&3
read -r -t 5 <&3
ip link del nk2
ends_by_itself() {
    within 50 not_running "$process" || return 1
    wait "$process"
    same 1 $?
}
check "tcp_echo ends when its interface is deleted" ends_by_itself
exec 3>&-
check "and says so" grep -q 'the device tap:nk2 is gone' "$work/tcp_echo-nk2.log"
finish
