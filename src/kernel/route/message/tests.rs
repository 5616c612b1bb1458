//! Against what kernel 6.1 answered in the lab (`topology nat`), captured with
//! `strace -e trace=recvmsg -xx /usr/lib/iproute2/ip route get ...`.

use proptest::prelude::*;

use super::*;

/// `10.1.1.2`: on br0, index 2.
const DIRECT: &[u8] = b"\x02\x20\x00\x00\xfe\x00\x00\x01\x00\x02\x00\x00\x08\x00\x0f\x00\xfe\x00\x00\x00\x08\x00\x01\x00\x0a\x01\x01\x02\x08\x00\x04\x00\x02\x00\x00\x00\x08\x00\x07\x00\x0a\x01\x00\x01\x08\x00\x19\x00\x00\x00\x00\x00";
/// `10.0.0.1`: an address of br0.
const LOCAL: &[u8] = b"\x02\x20\x00\x00\xfe\x00\x00\x02\x00\x02\x00\x80\x08\x00\x0f\x00\xfe\x00\x00\x00\x08\x00\x01\x00\x0a\x00\x00\x01\x08\x00\x04\x00\x01\x00\x00\x00\x08\x00\x07\x00\x0a\x00\x00\x01";
/// `-6 fd00:1::2`.
const DIRECT6: &[u8] = b"\x0a\x80\x80\x00\xfe\x02\x00\x01\x00\x00\x00\x00\x08\x00\x0f\x00\xfe\x00\x00\x00\x14\x00\x01\x00\xfd\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x14\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x07\x00\xfd\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x08\x00\x06\x00\x00\x01\x00\x00\x08\x00\x04\x00\x02\x00\x00\x00";
/// `-6 fd00::1`.
const LOCAL6: &[u8] = b"\x0a\x80\x80\x00\xff\x02\x00\x02\x00\x00\x00\x00\x08\x00\x0f\x00\xff\x00\x00\x00\x14\x00\x01\x00\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x08\x00\x04\x00\x01\x00\x00\x00";
/// `-6 2001:db8::1`, behind the default gateway.
const VIA6: &[u8] = b"\x0a\x80\x80\x00\xfe\x03\x00\x01\x00\x00\x00\x00\x08\x00\x0f\x00\xfe\x00\x00\x00\x14\x00\x01\x00\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x14\x00\x07\x00\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x08\x00\x06\x00\x00\x04\x00\x00\x14\x00\x05\x00\xfd\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x08\x00\x04\x00\x02\x00\x00\x00";
/// `ip link`: lo, its first attributes.
const LO: &[u8] = b"\x00\x00\x04\x03\x01\x00\x00\x00\x49\x00\x01\x00\x00\x00\x00\x00\x07\x00\x03\x00\x6c\x6f\x00\x00\x08\x00\x0d\x00\xe8\x03\x00\x00";
/// `ip link`: br0, its first attributes.
const BR0: &[u8] = b"\x00\x00\x01\x00\x02\x00\x00\x00\x43\x10\x01\x00\x00\x00\x00\x00\x08\x00\x03\x00\x62\x72\x30\x00\x08\x00\x0d\x00\xe8\x03\x00\x00";
/// `ip rule`: `from all iif br0 lookup 101`.
const IIF: &[u8] = b"\x02\x00\x00\x00\x65\x00\x00\x01\x00\x00\x00\x00\x08\x00\x0f\x00\x65\x00\x00\x00\x08\x00\x0e\x00\xff\xff\xff\xff\x05\x00\x15\x00\x00\x00\x00\x00\x08\x00\x03\x00\x62\x72\x30\x00\x08\x00\x06\x00\xfc\x7f\x00\x00";
/// `from all fwmark 0x7/0xff lookup 100`.
const MARK: &[u8] = b"\x02\x00\x00\x00\x64\x00\x00\x01\x00\x00\x00\x00\x08\x00\x0f\x00\x64\x00\x00\x00\x08\x00\x0e\x00\xff\xff\xff\xff\x05\x00\x15\x00\x00\x00\x00\x00\x08\x00\x06\x00\xfd\x7f\x00\x00\x08\x00\x0a\x00\x07\x00\x00\x00\x08\x00\x10\x00\xff\x00\x00\x00";
/// `from all lookup main`.
const MAIN: &[u8] = b"\x02\x00\x00\x00\xfe\x00\x00\x01\x00\x00\x00\x00\x08\x00\x0f\x00\xfe\x00\x00\x00\x08\x00\x0e\x00\xff\xff\xff\xff\x05\x00\x15\x00\x02\x00\x00\x00\x08\x00\x06\x00\xfe\x7f\x00\x00";

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn routes_are_what_ip_route_get_prints() {
    let direct = |source| Route::Direct { link: 2, source: Some(addr(source)) };
    assert_eq!(route(DIRECT).unwrap(), direct("10.1.0.1"));
    assert_eq!(route(LOCAL).unwrap(), Route::Local);
    assert_eq!(route(DIRECT6).unwrap(), direct("fd00:1::1"));
    assert_eq!(route(LOCAL6).unwrap(), Route::Local);
    let via = Route::Via { gateway: addr("fd00:9::2"), link: 2, source: Some(addr("fd00::1")) };
    assert_eq!(route(VIA6).unwrap(), via);
}

#[test]
fn refusals_are_told_from_failures() {
    assert!(matches!(refused(101), Route::Nowhere(why) if why == "there is no route to it"));
    assert!(matches!(refused(22), Route::Nowhere(_)));
    assert!(matches!(refused(113), Route::Nowhere(_)));
    assert_eq!(refused(12), Route::Unknown("Cannot allocate memory (ENOMEM)".to_owned()));
}

#[test]
fn links_and_rules_are_what_ip_prints() {
    let lo = Link { index: 1, name: "lo".into(), up: true, loopback: true, kind: 772 };
    assert_eq!(link(LO).unwrap(), lo);
    let br0 = Link { index: 2, name: "br0".into(), up: true, loopback: false, kind: 1 };
    assert_eq!(link(BR0).unwrap(), br0);
    let rule_of = |mark, incoming: Option<&str>, table| {
        Some(Rule { family: Family::V4, mark, incoming: incoming.map(str::to_owned), table })
    };
    assert_eq!(rule(IIF).unwrap(), rule_of(None, Some("br0"), 101));
    assert_eq!(rule(MARK).unwrap(), rule_of(Some(7), None, 100));
    assert_eq!(rule(MAIN).unwrap(), None);
}

/// `struct ifaddrmsg` and its attributes.
fn address_of(family: u8, flags: u8, values: &[(u16, &[u8])]) -> Vec<u8> {
    let mut request = Request { kind: 0, body: vec![family, 24, flags, 0, 2, 0, 0, 0] };
    for (kind, value) in values {
        request.attribute(*kind, value);
    }
    request.body
}

#[test]
fn addresses_are_ones_own_and_not_the_peers() {
    let peer = address_of(2, 0, &[(IFA_ADDRESS, &[10, 0, 0, 9]), (IFA_LOCAL, &[10, 0, 0, 1])]);
    assert_eq!(address(&peer).unwrap(), Some((2, addr("10.0.0.1"))));
    let v6: &[u8] = &Ipv6Addr::from_bits(1).octets();
    let alone = address_of(10, 0x80, &[(IFA_ADDRESS, v6)]);
    assert_eq!(address(&alone).unwrap(), Some((2, addr("::1"))));
    let taken = address_of(10, IFA_F_DADFAILED, &[(IFA_ADDRESS, v6)]);
    assert_eq!(address(&taken).unwrap(), None);
    assert!(address(&address_of(2, 0, &[])).is_err());
}

/// What `ip -4 route get 10.1.1.2` sends, less the flag that asks for a whole prefix.
#[test]
fn requests_are_laid_out_as_the_kernel_reads_them() {
    let bytes = Request::route(addr("10.1.1.2"), Some(7)).bytes(4, 9);
    let head = [44, 0, 0, 0, 26, 0, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    let body = [2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let attributes = [8, 0, 1, 0, 10, 1, 1, 2, 8, 0, 16, 0, 7, 0, 0, 0];
    assert_eq!(bytes, [&head[..], &body, &attributes].concat());
    assert_eq!(Request::rules(Family::V6).body, [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Request::links().body.len(), 24);
}

#[test]
fn the_end_of_an_answer_carries_its_error() {
    let message = |kind: u16, sequence: u32, body: &[u8]| {
        let mut bytes = Request { kind, body: body.to_vec() }.bytes(0, sequence);
        bytes.splice(6..8, [0, 0]);
        bytes
    };
    let mut seen = Vec::new();
    let mut answer = message(24, 1, LOCAL); // of an earlier request
    answer.extend(message(24, 2, DIRECT));
    answer.extend(message(2, 2, &(-101_i32).to_ne_bytes()));
    let mut take = |kind, body: &[u8]| {
        seen.push((kind, body.to_vec()));
        Ok(())
    };
    assert_eq!(messages(&answer, 2, &mut take).unwrap(), Some(101));
    assert_eq!(seen, [(Kind::Route, DIRECT.to_vec())]);
    assert_eq!(messages(&message(3, 2, &[0; 4]), 2, &mut |_, _| Ok(())).unwrap(), Some(0));
    assert_eq!(messages(&message(24, 2, DIRECT), 2, &mut |_, _| Ok(())).unwrap(), None);
    assert!(messages(&[1, 2, 3], 2, &mut |_, _| Ok(())).is_err());
}

proptest! {
    /// Bytes that no kernel would send are an error or are passed over, never a panic.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = link(&bytes);
        let _ = address(&bytes);
        let _ = rule(&bytes);
        let _ = route(&bytes);
        let _ = messages(&bytes, 0, &mut |_, _| Ok(()));
    }
}
