//! Who is at the other end of a request, as far as it can be believed.
//!
//! It does not know what that is used for. Proxies say in `Forwarded` (RFC 7239) or in
//! `X-Forwarded-For` for whom they ask; so can everyone else. What they say is read from the right,
//! where each proxy adds its own, and believed as long as it was a trusted one that said it.

use hyper::Request;
use hyper::header::{FORWARDED, HOST, HeaderMap};
use hyper::http::uri::Authority;
use ipnet::IpNet;
use std::net::IpAddr;

/// Who asks, made once for each request, and among its extensions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// The address: of the peer, or of whom a trusted proxy asks for.
    pub address: IpAddr,
    /// Whether the client speaks TLS, be it with a trusted proxy.
    pub secure: bool,
    /// By which name and port the client calls the server, in lower case; none where it says none
    /// that could be one.
    pub host: Option<String>,
}

/// What one proxy says of the one before it.
#[derive(Clone, Default)]
struct Hop {
    /// None where it is hidden, or no address.
    address: Option<IpAddr>,
    secure: Option<bool>,
    host: Option<String>,
}

/// A header that is not as it should be.
struct Malformed;

impl Client {
    /// The client behind this request, which came from `peer`, and over TLS where it is `secure`.
    /// Headers that name others are believed from addresses in `trusted`, and ignored otherwise.
    #[must_use]
    pub fn new<B>(request: &Request<B>, peer: IpAddr, secure: bool, trusted: &[IpNet]) -> Self {
        let headers = request.headers();
        let header = || single(headers, HOST.as_str());
        let authority = request.uri().authority().map(Authority::as_str);
        let peer = Self {
            address: peer.to_canonical(),
            secure,
            host: authority.or_else(header).and_then(host),
        };
        if !peer.is_in(trusted) {
            return peer;
        }
        let standard = forwarded(headers).map(|hops| peer.behind(hops, trusted));
        let customary = x_forwarded(headers).map(|hops| peer.behind(hops, trusted));
        match (standard, customary) {
            // A proxy writes one of them and lets the other through, from whomever it has it.
            (Some(one), Some(other)) if one.address != other.address => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    fn is_in(&self, networks: &[IpNet]) -> bool {
        networks
            .iter()
            .any(|network| network.contains(&self.address))
    }

    /// The client for whom this one asks, a proxy, through others that are trusted too.
    fn behind(&self, hops: Result<Vec<Hop>, Malformed>, trusted: &[IpNet]) -> Self {
        let mut client = self.clone();
        for hop in hops.unwrap_or_default().into_iter().rev() {
            client.secure = hop.secure.unwrap_or(client.secure);
            client.host = hop.host.or(client.host);
            let Some(address) = hop.address else {
                break;
            };
            client.address = address;
            if !client.is_in(trusted) {
                break;
            }
        }
        client
    }
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// All values of a header as one list, as if they were in one line; none where it is not there.
fn list(headers: &HeaderMap, name: &str) -> Option<Result<String, Malformed>> {
    let mut joined = String::new();
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    for value in values {
        let Ok(value) = value.to_str() else {
            return Some(Err(Malformed));
        };
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(value);
    }
    Some(Ok(joined))
}

/// What `Forwarded` says; none without it.
fn forwarded(headers: &HeaderMap) -> Option<Result<Vec<Hop>, Malformed>> {
    let list = list(headers, FORWARDED.as_str())?;
    Some(list.and_then(|list| parse_forwarded(&list)))
}

fn parse_forwarded(list: &str) -> Result<Vec<Hop>, Malformed> {
    let mut hops = Vec::new();
    let mut rest = list;
    loop {
        let (mut hop, mut seen) = (Hop::default(), Vec::new());
        let ended_by = loop {
            rest = rest.trim_start_matches([' ', '\t']);
            if let Some((name, after)) = token(rest) {
                let (value, after) = value(after.strip_prefix('=').ok_or(Malformed)?)?;
                let name = name.to_ascii_lowercase();
                match &*name {
                    "for" => hop.address = node(&value),
                    "proto" => hop.secure = proto(&value),
                    "host" => hop.host = host(&value),
                    _ => {}
                }
                if seen.contains(&name) {
                    return Err(Malformed);
                }
                seen.push(name);
                rest = after.trim_start_matches([' ', '\t']);
            }
            let mut chars = rest.chars();
            let next = chars.next();
            rest = chars.as_str();
            match next {
                Some(';') => {}
                None | Some(',') => break next,
                Some(_) => return Err(Malformed),
            }
        };
        // Lists may have empty elements (RFC 9110, section 5.6.1).
        if !seen.is_empty() {
            hops.push(hop);
        }
        if ended_by.is_none() {
            return Ok(hops);
        }
    }
}

/// A token at the begin, and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_part(byte));
    let (token, rest) = text.split_at(end.unwrap_or(text.len()));
    (!token.is_empty()).then_some((token, rest))
}

/// A token or a quoted string at the begin, and what follows it.
fn value(text: &str) -> Result<(String, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = token(text).ok_or(Malformed)?;
        return Ok((token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next().ok_or(Malformed)? {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(Malformed)?),
            char => value.push(char),
        }
    }
}

/// What `X-Forwarded-For` and its companions say; none without them.
fn x_forwarded(headers: &HeaderMap) -> Option<Result<Vec<Hop>, Malformed>> {
    let addresses = list(headers, "x-forwarded-for");
    let protos = list(headers, "x-forwarded-proto");
    let hosts = list(headers, "x-forwarded-host");
    if addresses.is_none() && protos.is_none() && hosts.is_none() {
        return None;
    }
    let split = |list: Option<Result<String, Malformed>>| match list {
        None => Ok(Vec::new()),
        Some(list) => list.map(|list| {
            let parts = list.split(',').map(|part| part.trim().to_owned());
            parts.collect::<Vec<_>>()
        }),
    };
    Some((|| {
        let (addresses, protos, hosts) = (split(addresses)?, split(protos)?, split(hosts)?);
        let count = addresses.len().max(1);
        let hops = (0..count).map(|number| Hop {
            address: addresses.get(number).and_then(|address| node(address)),
            secure: beside(&protos, number, count).and_then(|text| proto(text)),
            host: beside(&hosts, number, count).and_then(|text| host(text)),
        });
        Ok(hops.collect())
    })())
}

/// The part of a list that belongs to one of so many addresses: most proxies keep one value for all,
/// some add theirs.
fn beside(parts: &[String], number: usize, count: usize) -> Option<&String> {
    match parts {
        [one] => Some(one),
        parts if parts.len() == count => parts.get(number),
        _ => None,
    }
}

/// An address, with or without a port; none where it is `unknown`, hidden, or no address.
fn node(text: &str) -> Option<IpAddr> {
    let address = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        IpAddr::V6(address.parse().ok().filter(|_| is_port)?)
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        IpAddr::V4(address.parse().ok().filter(|_| is_port(port))?)
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.starts_with('_') || text.parse::<u16>().is_ok()
}

fn proto(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

fn host(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    let whole = !authority.host().is_empty() && !text.contains('@');
    whole.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trusted() -> Vec<IpNet> {
        ["10.0.0.0/8", "2001:db8:1::/48"]
            .map(|network| network.parse().unwrap())
            .to_vec()
    }

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let mut request = Request::builder().header("host", "Inner:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        Client::new(&request, peer.parse().unwrap(), false, &trusted())
    }

    fn seen(peer: &str, headers: &[(&str, &str)]) -> String {
        let Client {
            address,
            secure,
            host,
        } = client(peer, headers);
        let scheme = if secure { "https" } else { "http" };
        format!("{address} {scheme} {}", host.unwrap_or_default())
    }

    const OWN: &str = "10.0.0.1 http inner:8080";

    #[test]
    fn what_is_not_said_by_a_trusted_proxy_is_ignored() {
        for headers in [
            [("forwarded", "for=1.2.3.4;proto=https;host=a")],
            [("x-forwarded-for", "1.2.3.4")],
            [("x-forwarded-proto", "https")],
            [("x-forwarded-host", "a")],
        ] {
            let own = "192.0.2.1 http inner:8080";
            assert_eq!(seen("192.0.2.1", &headers), own);
            assert_eq!(seen("::ffff:192.0.2.1", &headers), own);
        }
    }

    #[test]
    fn forwarded_is_read_from_the_right_to_the_first_that_is_not_trusted() {
        for (header, expected) in [
            ("for=1.2.3.4", "1.2.3.4 http inner:8080"),
            (
                "For=1.2.3.4;Proto=HTTPS;Host=Example.com",
                "1.2.3.4 https example.com",
            ),
            ("for=\"1.2.3.4:567\"", "1.2.3.4 http inner:8080"),
            ("for=\"[2001:db8::1]:567\"", "2001:db8::1 http inner:8080"),
            ("for=\"[2001:db8::1]\"", "2001:db8::1 http inner:8080"),
            ("for=\"[::ffff:1.2.3.4]\"", "1.2.3.4 http inner:8080"),
            ("for=\"1.2.3.\\4\"", "1.2.3.4 http inner:8080"),
            ("for=6.6.6.6, for=1.2.3.4", "1.2.3.4 http inner:8080"),
            (
                "for=1.2.3.4;proto=https, for=10.0.0.2;proto=http",
                "1.2.3.4 https inner:8080",
            ),
            (
                "for=6.6.6.6,for=1.2.3.4,for=\"[2001:db8:1::5]\",for=10.9.9.9",
                "1.2.3.4 http inner:8080",
            ),
            ("for=10.0.0.3, for=10.0.0.2", "10.0.0.3 http inner:8080"),
            // Hidden: the proxy that hides it stands for it.
            ("for=unknown;proto=https", "10.0.0.1 https inner:8080"),
            (
                "for=6.6.6.6, for=_hidden, for=10.0.0.2",
                "10.0.0.2 http inner:8080",
            ),
            (
                "for=1.2.3.4;by=10.0.0.1;secret=\"a,b;c\"",
                "1.2.3.4 http inner:8080",
            ),
            (
                " ;for=1.2.3.4 ; proto=https;, ,",
                "1.2.3.4 https inner:8080",
            ),
            (
                "proto=gopher;for=1.2.3.4;host=\"a b\"",
                "1.2.3.4 http inner:8080",
            ),
        ] {
            assert_eq!(
                seen("10.0.0.1", &[("forwarded", header)]),
                expected,
                "{header}"
            );
        }
        let lines = [("forwarded", "for=6.6.6.6"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(seen("10.0.0.1", &lines), "1.2.3.4 http inner:8080");
    }

    #[test]
    fn a_malformed_forwarded_is_not_believed_at_all() {
        for header in [
            "for",
            "for=",
            "for=\"1.2.3.4",
            "for=\"1.2.3.4\\",
            "for=\"6.6.6.6, for=1.2.3.4",
            "for=1.2.3.4;for=6.6.6.6",
            "for=[::1]",
            "for 1.2.3.4",
            "=1.2.3.4",
            "for=1.2.3.4 proto=https",
            "for=1.2.3.4:80",
            "for=\u{e9}",
            "for=1.2.3.4;proto=https;\"",
        ] {
            assert_eq!(seen("10.0.0.1", &[("forwarded", header)]), OWN, "{header}");
        }
        for no_address in [
            "for=1.2.3",
            "for=\"1.2.3.4:99999\"",
            "for=\"[1.2.3.4]\"",
            "for=\"[::1\"",
        ] {
            assert_eq!(
                seen("10.0.0.1", &[("forwarded", no_address)]),
                OWN,
                "{no_address}"
            );
        }
    }

    #[test]
    fn x_forwarded_for_is_read_the_same_way() {
        for (list, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:567", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:567", "2001:db8::1"),
            ("6.6.6.6, 1.2.3.4,10.0.0.2", "1.2.3.4"),
            ("nonsense, 1.2.3.4", "1.2.3.4"),
            ("6.6.6.6, nonsense", "10.0.0.1"),
            ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"),
            ("6.6.6.6,", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("1.2.3.4 10.0.0.2", "10.0.0.1"),
        ] {
            let expected = format!("{expected} http inner:8080");
            assert_eq!(
                seen("10.0.0.1", &[("x-forwarded-for", list)]),
                expected,
                "{list}"
            );
        }
    }

    #[test]
    fn the_scheme_and_the_host_come_with_the_address_that_they_belong_to() {
        for (list, proto, expected) in [
            ("1.2.3.4", "https", "1.2.3.4 https"),
            ("6.6.6.6, 1.2.3.4", "https", "1.2.3.4 https"),
            ("1.2.3.4, 10.0.0.2", "https, http", "1.2.3.4 https"),
            ("6.6.6.6, 1.2.3.4", "http, https", "1.2.3.4 https"),
            ("1.2.3.4", "http, https", "1.2.3.4 http"),
            ("1.2.3.4", "ftp", "1.2.3.4 http"),
        ] {
            let headers = [
                ("x-forwarded-for", list),
                ("x-forwarded-proto", proto),
                ("x-forwarded-host", "A:1"),
            ];
            assert_eq!(
                seen("10.0.0.1", &headers),
                format!("{expected} a:1"),
                "{list} {proto}"
            );
        }
        assert_eq!(
            seen("10.0.0.1", &[("x-forwarded-proto", "https")]),
            "10.0.0.1 https inner:8080"
        );
        for no_host in ["", "a b", "user@a", ":80", "/"] {
            let headers = [
                ("x-forwarded-for", "1.2.3.4"),
                ("x-forwarded-host", no_host),
            ];
            assert_eq!(
                seen("10.0.0.1", &headers),
                "1.2.3.4 http inner:8080",
                "{no_host}"
            );
        }
    }

    #[test]
    fn two_headers_that_contradict_each_other_are_not_believed() {
        let agree = [
            ("forwarded", "for=1.2.3.4;proto=https"),
            ("x-forwarded-for", "1.2.3.4"),
        ];
        assert_eq!(seen("10.0.0.1", &agree), "1.2.3.4 https inner:8080");
        for headers in [
            [
                ("forwarded", "for=6.6.6.6;proto=https"),
                ("x-forwarded-for", "1.2.3.4"),
            ],
            [("forwarded", "nonsense"), ("x-forwarded-for", "1.2.3.4")],
        ] {
            assert_eq!(seen("10.0.0.1", &headers), OWN);
        }
    }

    fn any_header() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("for=".to_owned()),
            Just("\"".to_owned()),
            Just(",".to_owned()),
            Just(";".to_owned()),
            Just("\\".to_owned()),
            Just("proto=https".to_owned()),
            Just("10.0.0.2".to_owned()),
            Just("6.6.6.6".to_owned()),
            Just("[2001:db8::1]".to_owned()),
            "[ -~]{0,4}",
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        /// Whatever a client writes to the left of what a trusted proxy added, it cannot pass for
        /// somebody else: it is itself, or it is the proxy.
        #[test]
        fn nobody_passes_for_somebody_else(bad in any_header(), standard: bool) {
            let (name, added) = if standard {
                ("forwarded", "for=1.2.3.4")
            } else {
                ("x-forwarded-for", "1.2.3.4")
            };
            let one_line = format!("{bad}, {added}");
            for headers in [vec![(name, &*one_line)], vec![(name, &*bad), (name, added)]] {
                let address = client("10.0.0.1", &headers).address.to_string();
                prop_assert!(["1.2.3.4", "10.0.0.1"].contains(&&*address), "{headers:?}: {address}");
            }
        }

        #[test]
        fn no_header_is_believed_from_anyone_else(bad in any_header()) {
            for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] {
                prop_assert_eq!(seen("192.0.2.1", &[(name, &*bad)]), "192.0.2.1 http inner:8080");
            }
        }
    }
}
