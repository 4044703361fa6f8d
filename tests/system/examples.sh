# Every example on the device that needs no rights, and what it says to bad use.
. "$(dirname "$0")/common.sh"
need_programs quick_start ping tcp_echo udp_echo packet_dump custom_protocol router web_server demo simulated_network chaos
cd "$work" || exit 1
mkdir root
echo 'It works' >root/index.html

run() { timeout --kill-after=5 60 "$programs/$1" "${@:2}"; }
# refuses TEXT PROGRAM ARGUMENT...: it fails, not by a signal, with one line that says the text.
refuses() {
    local text=$1 said result
    shift
    said=$(run "$@" 2>&1)
    result=$?
    [ $result -gt 0 ] && [ $result -lt 124 ] || { echo "exit status $result: $said"; return 1; }
    grep -qiF -- "$text" <<<"$said" || { echo "no '$text' in: $said"; return 1; }
}

check "quick_start" says 'hello from the other stack' run quick_start
check "ping" says '3 received, 0% lost' run ping --count 3 --interval 0.01
check "ping over IPv6" says 'from fd00:6e6b::1' run ping --count 1 fd00:6e6b::1
check "ping over IPv6 alone" says '1 received, 0% lost' run ping --count 1 --address fd00:6e6b::3/64
check "ping, a target after an address" says '2 received, 0% lost' run ping --count 2 --interval 0.01 --address 198.18.0.2/24 198.18.0.1
check "ping, nobody there" refuses '100% lost' ping --count 1 198.18.0.77
check "tcp_echo" says 'sent and received: Hello' run tcp_echo
check "tcp_echo over IPv6 alone" says 'sent and received: Hello' run tcp_echo --address fd00:6e6b::1/64
check "udp_echo over IPv6 alone" says 'fd00:6e6b::1 answered' run udp_echo --address fd00:6e6b::1/64
check "udp_echo" says 'answered' run udp_echo
check "packet_dump elsewhere" says '198.19.7.1 > 198.19.7.9' run packet_dump --address 198.19.7.9/24
check "packet_dump" says 'ICMP' run packet_dump
check "custom_protocol" run custom_protocol
check "router elsewhere" says '198.19.1.1 answered 198.19.0.1 through the router' run router --address 198.19.0.9/24 --address2 198.19.1.9/24
check "router over IPv6 alone" refuses 'IPv4' router --address fd00:6e6b::1/64
check "router in one network" refuses 'different networks' router --address 198.18.0.9/24 --address2 198.18.0.10/24
check "router" says 'through the router' run router
check "web_server" says '200 OK' run web_server --root root
check "web_server without the file" says '404 Not Found' run web_server --root "$programs/.."

check "web_server over IPv6 alone" says '200 OK' run web_server --root root --address fd00:6e6b::1/64

check "demo" run demo --size 2
cp said demo.txt
check "demo: the file's sum" grep -q 'SHA-256 received .* the same' demo.txt
check "demo: layers on the way down" grep -q 'client pushes *ethernet .* 14 B' demo.txt
check "demo: layers on the way up" grep -q 'server pulls *ipv4 .* 20 B' demo.txt
check "demo: its capture can be read" says 'TCP' run packet_dump --device pcap:demo.pcapng --count 5
# played PROGRAM ARGUMENT...: on a capture, it ends by itself.
played() { run "$1" --device pcap:demo.pcapng --address 198.18.0.2/24 --capture played.pcapng "${@:2}"; }
check "tcp_echo ends with the capture" played tcp_echo --port 80
check "what it answered" says 'TCP' run packet_dump --device pcap:played.pcapng
check "udp_echo ends with the capture" played udp_echo
check "web_server ends with the capture" played web_server --root root
# interrupted SIGNAL PROGRAM ARGUMENT...: it ends at once, and its capture is whole.
interrupted() {
    local process
    rm -f interrupted.pcapng
    "$programs/$2" "${@:3}" --capture interrupted.pcapng &
    process=$!
    sleep 1
    stop $process "$1"
    [ $? -le 1 ] || return 1
    run packet_dump --device pcap:interrupted.pcapng | grep -q .
}
check "ping, interrupted" interrupted TERM ping --count 1000
check "demo, interrupted" interrupted INT demo --size 1 --rate 0.5
check "demo without loss" says 'the same' run demo --size 1 --loss 0 --delay 0 --rate 0 --capture ''
check "demo on a bad line" says 'the same' run demo --size 0.5 --loss 0.03 --capture bad.pcapng
# repeats PROGRAM ARGUMENT...: it says the same twice, but for how long it took.
repeats() {
    local first second
    first=$(run "$@" | grep -v 'real time') || return 1
    second=$(run "$@" | grep -v 'real time') || return 1
    same "$first" "$second"
}
check "simulated_network" says '100 of 100 questions answered' run simulated_network
check "simulated_network, on a very bad line" says '20 of 20 questions answered' run simulated_network --questions 20 --loss 0.3 --delay 400 --seed 7
check "simulated_network, on a line that is next to none" refuses 'was not answered' simulated_network --questions 3 --loss 0.9 --seed 2
check "simulated_network, the same program on the kernel" says '3 of 3 questions answered' run simulated_network --kernel --questions 3
check "chaos" says '2 of 2 runs came through' run chaos --runs 2 --size 0.2 --capture chaos.pcapng
check "chaos, the same seed" repeats chaos --seed 42 --size 0.2
cp chaos.pcapng chaos_before.pcapng
check "chaos, the same frames" run chaos --seed 2 --size 0.2 --capture chaos.pcapng
check "chaos, the same frames, byte for byte" cmp chaos_before.pcapng chaos.pcapng
if have tshark; then
    no_complaints() {
        local filter='_ws.malformed || ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"'
        same '' "$(tshark -n -r "$1" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -Y "$filter" 2>/dev/null | head -n 5)"
    }
    check "demo: tshark finds nothing wrong with its capture" no_complaints demo.pcapng
fi
if have openssl && ! run web_server --root root --tls no no 2>&1 | grep -q 'without OpenSSL'; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=netkit -keyout key.pem -out certificate.pem 2>/dev/null
    check "web_server, HTTPS" says '200 OK' run web_server --root root --tls certificate.pem key.pem
    check "a certificate that is not there" refuses 'nothing.pem' web_server --root root --tls nothing.pem key.pem
fi

check "a malformed address" refuses '198.18.0.300' tcp_echo --address 198.18.0.300/24
check "an address without its prefix" refuses '198.18.0.2' tcp_echo --address 198.18.0.2
check "a malformed gateway" refuses 'nowhere' ping --gateway nowhere
check "a malformed MAC" refuses '02:00' ping --mac 02:00
for use in '198.18.0.255/24=broadcast' '198.18.0.0/24=the network itself' '198.18.0.2/32=no room' '198.18.0.2/31=no room' '127.0.0.1/8=never leaves' \
    '198.18.0.2/0=/0' '224.0.0.1/24=group' '0.0.0.0/24=no address' '250.1.1.1/24=reserved'; do
    for program in ping tcp_echo udp_echo web_server packet_dump router; do
        check "$program as ${use%%=*}" refuses "${use#*=}" $program --address "${use%%=*}"
    done
done
check "two addresses in a network of two" refuses 'no room' ping --address 198.18.0.1/30 --address 198.18.0.2/30
check "a MAC of zeros" refuses 'stands for none' tcp_echo --mac 00:00:00:00:00:00
check "a group's MAC" refuses 'group' tcp_echo --mac 01:00:5e:00:00:01
for use in '0.0.0.0=no address' '198.18.0.2=has that address itself' '198.18.1.1=network of no --address' '198.18.0.255=broadcast' 'fd00::1=network of no --address'; do
    for program in ping packet_dump; do
        check "$program with the gateway ${use%%=*}" refuses "${use#*=}" $program --address 198.18.0.2/24 --gateway "${use%%=*}"
    done
done
check "a malformed device" refuses 'tap:NAME' tcp_echo --device tapp:nk0
check "a device without a name" refuses 'tap:' tcp_echo --device tap:
check "a name that is too long" refuses '15' tcp_echo --device tap:abcdefghijklmnopqrst
check "an interface that is not there" refuses 'nk-none' packet_dump --device packet:nk-none
check "a capture that is not there" refuses 'nothing.pcapng' packet_dump --device pcap:nothing.pcapng
check "a capture that cannot be written" refuses '/nowhere/x.pcapng' ping --count 1 --capture /nowhere/x.pcapng
check "a capture onto itself" refuses 'overwrite' packet_dump --device pcap:demo.pcapng --capture ./demo.pcapng
for program in ping tcp_echo udp_echo packet_dump router 'web_server --root root' 'demo --size 0.1' 'simulated_network --questions 1' 'chaos --runs 3 --size 0.01'; do
    check "a capture that is not complete: $program" refuses '/dev/full' $program --capture /dev/full
done
once() { same 1 "$(run "$@" 2>&1 | grep -c '/nowhere/x')"; }
check "chaos says once that its capture cannot be written" once chaos --runs 3 --size 0.01 --capture /nowhere/x
check "a file instead of a folder" refuses 'is not a folder' web_server --root root/index.html
check "a folder that is not there" refuses '/nowhere' web_server --root /nowhere
check "a port in use" refuses 'port 8080: Address already in use' web_server --root root --port 8080 --port 8080
for program in tcp_echo udp_echo web_server; do
    for port in 0 65536 -1 x; do check "$program, port $port" refuses '--port' $program --port $port; done
done
check "packet_dump, a negative count" refuses '--count' packet_dump --count -1
check "packet_dump, so many and no more" same 3 "$(run packet_dump --device pcap:demo.pcapng --count 3 | wc -l)"
for program in demo simulated_network chaos; do check "$program, a negative seed" refuses '--seed' $program --seed -1; done
check "simulated_network, no question" refuses 'not in range 1 to' simulated_network --questions 0
check "chaos, no run" refuses 'not in range 1 to' chaos --runs 0
check "simulated_network, more than a probability" refuses '--loss' simulated_network --loss 2
check "chaos without clients" refuses '--clients' chaos --clients 0
check "quick_start, an option" refuses 'no arguments' quick_start --help
check "custom_protocol, an unknown option" refuses '--no-such' custom_protocol --no-such
check "an unknown option" refuses '--no-such' demo --no-such
check "help" says '--device' run tcp_echo --help
for program in ping udp_echo packet_dump router web_server demo simulated_network chaos; do
    check "help of $program" says '--capture' run "$program" --help
done

# As a user without rights.
as_nobody=()
if [ "$(id -u)" -eq 0 ]; then as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
if [ "$(id -u)" -eq 0 ] && ! { have setpriv && "${as_nobody[@]}" test -x "$programs/tcp_echo" 2>/dev/null; }; then
    echo "NOT TRIED: what is said of a missing right: nobody may run programs in $programs"
elif [ ! -c /dev/net/tun ]; then
    echo "NOT TRIED: what is said of a missing right: there is no /dev/net/tun"
else
    without_rights() {
        local said result
        said=$(timeout 20 "${as_nobody[@]}" "$programs/tcp_echo" --device tap:nk0 --address 198.18.0.2/24 2>&1)
        result=$?
        [ $result -eq 1 ] || { echo "exit status $result: $said"; return 1; }
        grep -q 'run as root' <<<"$said" || { echo "it does not say what to do: $said"; return 1; }
    }
    check "a missing right" without_rights
fi
finish
