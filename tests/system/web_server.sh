# web_server on a TAP device, asked by the system's own ping and curl, and judged by tshark.
. "$(dirname "$0")/common.sh"
need_programs web_server
need_commands ip ping curl openssl sha256sum
enter_network_namespace 240

v4=198.18.0.2
v6=fd00:6e6b::2
mkdir -p "$work/root/folder"
head -c $((100 * 1024 * 1024)) /dev/urandom >"$work/root/big.bin"
head -c $((3 * 1024 * 1024)) /dev/urandom >"$work/root/small.bin"
echo '<!doctype html><title>It works</title>' >"$work/root/index.html"
echo 'in a folder' >"$work/root/folder/index.html"
printf '0123456789' >"$work/root/ten digits.txt"
echo secret >"$work/outside.txt"
ln -s ../outside.txt "$work/root/escape.txt"
big=$(sha256sum <"$work/root/big.bin")
small=$(sha256sum <"$work/root/small.bin")

get() { curl --silent --show-error --globoff --max-time 60 "$@"; }
sum_is() {
    local expected=$1
    shift
    same "$expected" "$(get "$@" | sha256sum)"
}
status_is() {
    local expected=$1
    shift
    same "$expected" "$(get --output /dev/null --write-out '%{http_code}' "$@")"
}
# serve NAME ARGUMENT...: the server, with the kernel's end of the cable at 198.18.0.1 and fd00:6e6b::1.
serve() {
    local name=$1
    shift
    start "$name.log" "$programs/web_server" --device tap:nk0 --address $v4/24 --address $v6/64 --root "$work/root" "$@"
    within 50 grep -q serving "$work/$name.log" || { echo "FAILED: the server did not start: $(cat "$work/$name.log")"; exit 1; }
    ip address add 198.18.0.1/24 dev nk0
    ip address add fd00:6e6b::1/64 dev nk0 nodad
    ip link set nk0 up
    within 50 ping -q -c 1 -W 1 $v6
}
stopped() {
    stop "$process" "$1"
    same 0 $?
}

serve http --port 80
check "ping" ping -q -n -c 3 -i 0.2 -W 2 $v4
check "ping over IPv6" ping -q -n -c 3 -i 0.2 -W 2 $v6
check "ping with fragments" ping -q -n -c 3 -i 0.2 -W 2 -s 9000 $v4
check "100 MiB" sum_is "$big" http://$v4/big.bin
check "100 MiB over IPv6" sum_is "$big" "http://[$v6]/big.bin"
get --output /dev/null --write-out '        goodput over TAP: %{speed_download} bytes/s\n' http://$v4/big.bin

ten_in_parallel() {
    local pids=() result=0
    for i in 1 2 3 4 5 6 7 8 9 10; do
        get http://$v4/big.bin | sha256sum >"$work/sum$i" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for i in 1 2 3 4 5 6 7 8 9 10; do same "$big" "$(cat "$work/sum$i")" || result=1; done
    return $result
}
check "100 MiB ten times in parallel" ten_in_parallel

check "index.html" says 'It works' get http://$v4/
check "a folder's index.html, by redirection" says 'in a folder' get --location http://$v4/folder
check "a name with a blank" same 0123456789 "$(get "http://$v4/ten%20digits.txt?query=1")"
check "a range" same 345 "$(get --range 3-5 "http://$v4/ten%20digits.txt")"
check "an open range" same 789 "$(get --range 7- "http://$v4/ten%20digits.txt")"
check "the last bytes" same 89 "$(get --range -2 "http://$v4/ten%20digits.txt")"
check "a range says that it is one" says 'Content-Range: bytes 3-5/10' get --include --range 3-5 "http://$v4/ten%20digits.txt"
check "a range beyond the end" status_is 416 --range 10- "http://$v4/ten%20digits.txt"
range_of_big() { same "$(tail -c +50000001 "$work/root/big.bin" | head -c 1000000 | sha256sum)" "$(get --range 50000000-50999999 http://$v4/big.bin | sha256sum)"; }
check "a range of a large file" range_of_big
check "a part of a file that has changed is all of it" same 0123456789 "$(get --header 'If-Range: Thu, 01 Jan 1970 00:00:00 GMT' --range 3-5 "http://$v4/ten%20digits.txt")"
check "HEAD" says 'Content-Length: 104857600' get --head http://$v4/big.bin
check "nothing new" status_is 304 --time-cond "$(date --utc --reference="$work/root/small.bin" '+%a, %d %b %Y %H:%M:%S GMT')" http://$v4/small.bin
check "an absolute target" status_is 200 --request-target http://netkit/index.html http://$v4/
check "not found" status_is 404 http://$v4/nothing
check "only GET and HEAD" status_is 405 --data text http://$v4/
check "no way out by .." status_is 400 --path-as-is http://$v4/../outside.txt
check "no way out by %2e%2e" status_is 400 --path-as-is http://$v4/folder/%2e%2e/%2e%2e/outside.txt
check "no way out by a symbolic link" status_is 404 http://$v4/escape.txt
check "a bad percent sign" status_is 400 http://$v4/%zz
two_urls() { same "1 0 " "$(get --output /dev/null --output /dev/null --write-out '%{num_connects} ' http://$v4/ http://$v4/folder/)"; }
check "two requests on one connection" two_urls
refused() { get http://$v4:81/; same 7 $?; }
check "nobody listens on another port" refused
check "stops on SIGTERM" stopped TERM
check "and says what it did" grep -q 'connections, .* answers' "$work/http.log"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=netkit -addext "subjectAltName=IP:$v4,IP:$v6" \
    -keyout "$work/key.pem" -out "$work/certificate.pem" 2>"$work/openssl.log"
if ! "$programs/web_server" --tls "$work/certificate.pem" "$work/key.pem" --root "$work/root" 2>&1 | grep -q 'without OpenSSL'; then
    serve https --port 443 --tls "$work/certificate.pem" "$work/key.pem"
    check "100 MiB by HTTPS" sum_is "$big" --cacert "$work/certificate.pem" https://$v4/big.bin
    check "100 MiB by HTTPS over IPv6" sum_is "$big" --cacert "$work/certificate.pem" "https://[$v6]/big.bin"
    check "an unknown certificate" says 'certificate' get https://$v4/
    check "HTTP to an HTTPS port" says 'curl:' get http://$v4:443/
    check "stops on SIGINT" stopped INT
else
    echo "        built without OpenSSL: no HTTPS"
fi

serve captured --port 80 --capture "$work/captured.pcapng"
check "captured: 3 MiB" sum_is "$small" http://$v4/small.bin
check "captured: 3 MiB over IPv6" sum_is "$small" "http://[$v6]/small.bin"
check "captured: ping" ping -q -n -c 3 -i 0.2 -W 2 $v4
check "captured: ping over IPv6" ping -q -n -c 3 -i 0.2 -W 2 $v6
exec 3<>/dev/tcp/$v4/80
check "captured: stops with a connection open" stopped TERM
check "captured: which it closes" timeout 5 cat <&3
exec 3>&-
if have tshark; then
    judged=(tshark -n -r "$work/captured.pcapng")
    filter='_ws.malformed'
    for protocol in ip icmp icmpv6 udp tcp; do filter+=" || $protocol.checksum.status == \"Bad\""; done
    for protocol in ip udp tcp; do judged+=(-o "$protocol.check_checksum:TRUE"); done
    complaints() { same '' "$("${judged[@]}" -Y "$filter" 2>/dev/null | head -n 5)"; }
    frames() {
        local n
        n=$("${judged[@]}" -Y "$1" 2>/dev/null | wc -l)
        [ "$n" -ge "$2" ] || { echo "only $n frames are $1"; false; }
    }
    check "tshark finds the connections in the capture" frames 'tcp.flags.syn == 1 && tcp.flags.ack == 1' 2
    check "tshark finds the echo replies in the capture" frames 'icmp.type == 0 || icmpv6.type == 129' 6
    check "tshark finds nothing malformed and no bad checksum" complaints
else
    echo "        tshark is not installed: the capture was not judged"
fi
finish
