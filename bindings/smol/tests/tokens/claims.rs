//! What tokens claim: what is taken from it, and each claim that is not what it should be.

use crate::support::{
    NOW, SECRET, Signer, at, judged, options, plain, secret_key, signed, verifier,
};
use std::time::Duration;
use tidings_smol::server::{Access, Algorithm, JwtOptions, TokenError};

#[track_caller]
fn assert_claim(claims: &str, claim: &str, word: &str) {
    match judged(claims) {
        Err(TokenError::Claim { name, problem }) => {
            assert_eq!(name, claim, "{claims}: {problem}");
            assert!(
                problem.contains(word),
                "{word:?} in {problem:?} for {claims}"
            );
            assert!(!problem.contains(" at line "), "{problem}");
        }
        other => panic!("{claims} is refused for {claim}: {other:?}"),
    }
}

#[track_caller]
fn assert_refused(claims: &str, error: &TokenError) {
    assert_eq!(judged(claims).as_ref(), Err(error), "{claims}");
}

#[test]
fn all_that_a_token_says_is_taken_from_it() {
    let claims = r#"{"sub":"ada","exp":1700000100,"nbf":1699999999,"iat":"whatever","jti":"t-1",
        "tidings":{"subscribe":["news","rooms/*"],"grants":["orders/42"],"publish":["rooms/**"],
        "publish_private":["orders/*"],"publish_direct":true,"console":true,"metrics":true,
        "admin":true}}"#;
    let identity = judged(claims).expect("a good token");
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(identity.user.as_deref(), Some("ada"));
    assert_eq!(identity.token_id.as_deref(), Some("t-1"));
    assert_eq!(identity.expires_ms, Some(1_700_000_100_000));
    let access = Access {
        subscribe: texts(&["news", "rooms/*"]),
        grants: texts(&["orders/42"]),
        publish: texts(&["rooms/**"]),
        publish_private: texts(&["orders/*"]),
        publish_direct: true,
        console: true,
        metrics: true,
        admin: true,
    };
    assert_eq!(identity.access, access);
}

#[test]
fn what_a_token_does_not_say_may_not_be_done() {
    let identity = judged(r#"{"exp":1700000100}"#).expect("a good token");
    assert_eq!((identity.user, identity.token_id), (None, None));
    assert_eq!(identity.access, Access::default());
    let identity = judged(r#"{"exp":1700000100,"tidings":{}}"#).expect("a good token");
    assert_eq!(identity.access, Access::default());
}

#[test]
fn a_token_ends_when_it_says_or_after_the_leeway_where_it_just_ended() {
    let verifier = plain();
    let token = signed(&format!(r#"{{"exp":{NOW}}}"#));
    for (seconds, until) in [
        (0, NOW),
        (NOW - 1, NOW),
        (NOW, NOW + 30),
        (NOW + 29, NOW + 30),
    ] {
        let identity = at(&verifier, &token, seconds).expect("a good token");
        assert_eq!(identity.expires_ms, Some(until * 1_000), "{seconds}");
    }
    for seconds in [NOW + 30, NOW + 31, 1 << 40] {
        assert_eq!(at(&verifier, &token, seconds), Err(TokenError::Expired));
    }
}

#[test]
fn a_token_begins_when_it_says_less_the_leeway() {
    let verifier = plain();
    let token = signed(&format!(r#"{{"exp":{0},"nbf":{NOW}}}"#, NOW + 1_000));
    for seconds in [0, NOW - 31] {
        assert_eq!(at(&verifier, &token, seconds), Err(TokenError::NotYetValid));
    }
    for seconds in [NOW - 30, NOW, NOW + 1] {
        assert!(at(&verifier, &token, seconds).is_ok(), "{seconds}");
    }
}

#[test]
fn without_an_end_it_is_good_only_where_that_is_allowed() {
    assert_refused(r#"{"sub":"ada"}"#, &TokenError::NoExpiry);
    let allowing = verifier(&JwtOptions {
        allow_no_expiry: true,
        ..options(vec![secret_key(Algorithm::Hs256, SECRET)])
    });
    let endless = at(&allowing, &signed(r#"{"sub":"ada"}"#), NOW).expect("it is allowed");
    assert_eq!(endless.expires_ms, None);
    let ended = at(&allowing, &signed(r#"{"exp":1}"#), NOW);
    assert_eq!(ended, Err(TokenError::Expired));
    let null = at(&allowing, &signed(r#"{"exp":null}"#), NOW);
    assert!(
        matches!(null, Err(TokenError::Claim { name: "exp", .. })),
        "{null:?}"
    );
}

#[test]
fn times_may_have_fractions_and_nothing_else() {
    let identity = judged(r#"{"exp":1700000100.9,"nbf":1.5e9}"#).expect("a good token");
    assert_eq!(identity.expires_ms, Some(1_700_000_100_900));
    assert_refused(r#"{"exp":0}"#, &TokenError::Expired);
    assert_refused(r#"{"exp":-0.0}"#, &TokenError::Expired);
    for name in ["exp", "nbf"] {
        let other = if name == "exp" { "nbf" } else { "exp" };
        for value in [
            "\"1700000100\"",
            "null",
            "true",
            "[1700000100]",
            "{}",
            "-1",
            "-1700000100.5",
            "253402300800",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
        ] {
            let claims = format!(r#"{{"{name}":{value},"{other}":1700000000}}"#);
            assert_claim(&claims, name, "seconds since 1970");
        }
        let claims = format!(r#"{{"{name}":1e999,"{other}":1}}"#);
        let judged = judged(&claims);
        assert!(judged.is_err(), "{claims}: {judged:?}");
    }
    let last = judged(r#"{"exp":253402300799}"#).expect("the end of the year 9999");
    assert_eq!(last.expires_ms, Some(253_402_300_799_000));
}

#[test]
fn no_claim_is_taken_from_a_value_of_another_type() {
    for name in ["sub", "jti", "iss"] {
        for value in ["null", "7", "true", "[\"ada\"]", "{\"ada\":1}"] {
            let claims = format!(r#"{{"exp":1700000100,"{name}":{value}}}"#);
            assert_claim(&claims, name, "expected a string");
        }
    }
    for value in ["null", "7", "{}", "[]", "[7]", "[\"us\",7]"] {
        assert_claim(
            &format!(r#"{{"exp":1700000100,"aud":{value}}}"#),
            "aud",
            "name",
        );
    }
    for (value, word) in [
        ("null", "expected an object"),
        ("[]", "expected an object"),
        (
            r#"[["news"],[],[],[],true,true,true,true]"#,
            "expected an object",
        ),
        ("\"admin\"", "expected an object"),
        (r#"{"admin":1}"#, "expected a boolean"),
        (r#"{"admin":"true"}"#, "expected a boolean"),
        (r#"{"subscribe":"**"}"#, "expected a sequence"),
        (r#"{"subscribe":null}"#, "expected a sequence"),
        (r#"{"subscribe":[null]}"#, "expected a string"),
        (
            r#"{"subscribe":["a"],"subscribe":["**"]}"#,
            "duplicate field",
        ),
        (r#"{"read":["a"]}"#, "unknown field `read`"),
    ] {
        let claims = format!(r#"{{"exp":1700000100,"tidings":{value}}}"#);
        assert_claim(&claims, "tidings", word);
    }
}

#[test]
fn users_and_topics_are_names() {
    let long = "x".repeat(257);
    for (value, word) in [("", "empty"), ("a\\nb", "control"), (&*long, "256")] {
        assert_claim(
            &format!(r#"{{"exp":1700000100,"sub":"{value}"}}"#),
            "sub",
            word,
        );
        assert_claim(
            &format!(r#"{{"exp":1700000100,"jti":"{value}"}}"#),
            "jti",
            word,
        );
        for list in ["subscribe", "grants", "publish", "publish_private"] {
            let claims = format!(r#"{{"exp":1700000100,"tidings":{{"{list}":["a","{value}"]}}}}"#);
            assert_claim(&claims, "tidings", word);
            assert_claim(&claims, "tidings", list);
        }
    }
    for pattern in ["rooms/a*", "**/rooms", "***"] {
        let claims = format!(r#"{{"exp":1700000100,"tidings":{{"grants":["{pattern}"]}}}}"#);
        assert_claim(&claims, "tidings", "`*` stands alone");
    }
}

#[test]
fn there_are_no_more_grants_than_a_connection_may_have() {
    let claims = |count| {
        let grants = vec!["\"a\""; count].join(",");
        format!(r#"{{"exp":1700000100,"tidings":{{"grants":[{grants}]}}}}"#)
    };
    assert!(judged(&claims(100)).is_ok());
    assert_claim(&claims(101), "tidings", "grants has more than 100 names");
}

#[test]
fn claims_are_one_object() {
    let malformed = |claims: &str| {
        let judged = judged(claims);
        assert!(
            matches!(judged, Err(TokenError::Malformed(part)) if part.contains("claims")),
            "{claims:?}: {judged:?}"
        );
    };
    for claims in [
        "",
        "null",
        "7",
        "\"ada\"",
        "[]",
        r#"["ada",1700000100,0,"us","me","t",{}]"#,
        r#"{"exp":1700000100"#,
        r#"{"exp":1700000100} {}"#,
        r#"{"exp":1700000100,"exp":1700000200}"#,
        r#"{"exp":1700000100,"sub":"ada","sub":"eve"}"#,
        "\u{feff}{\"exp\":1700000100}",
    ] {
        malformed(claims);
    }
    malformed(&"[".repeat(3_000));
    for claims in [
        &b"{\"exp\":1700000100,\"sub\":\"\xff\"}"[..],
        b"{\"exp\":1700000100,\"other\":\"\xff\"}",
    ] {
        let token = Signer::secret(SECRET.as_bytes()).sign(r#"{"alg":"HS256"}"#, claims);
        let judged = at(&plain(), &token, NOW);
        assert!(
            matches!(judged, Err(TokenError::Malformed(_))),
            "{judged:?}"
        );
    }
}

#[test]
fn a_token_for_others_is_not_for_this_server() {
    let named = verifier(&JwtOptions {
        audience: vec!["tidings".to_owned(), "events".to_owned()],
        ..options(vec![secret_key(Algorithm::Hs256, SECRET)])
    });
    let with = |audience: &str| signed(&format!(r#"{{"exp":1700000100{audience}}}"#));
    for audience in [
        r#","aud":"tidings""#,
        r#","aud":["events"]"#,
        r#","aud":["elsewhere","tidings"]"#,
    ] {
        assert!(at(&named, &with(audience), NOW).is_ok(), "{audience}");
        // Who is called nothing is not meant by a name.
        assert_eq!(
            at(&plain(), &with(audience), NOW),
            Err(TokenError::Audience)
        );
    }
    for audience in [
        "",
        r#","aud":"elsewhere""#,
        r#","aud":["elsewhere"]"#,
        r#","aud":"tiding""#,
        r#","aud":"TIDINGS""#,
        r#","aud":"tidings,events""#,
        r#","aud":"""#,
    ] {
        assert_eq!(
            at(&named, &with(audience), NOW),
            Err(TokenError::Audience),
            "{audience}"
        );
    }
}

#[test]
fn a_token_of_another_issuer_is_not_taken() {
    let choosy = verifier(&JwtOptions {
        issuer: vec!["https://login.example".to_owned()],
        ..options(vec![secret_key(Algorithm::Hs256, SECRET)])
    });
    let with = |issuer: &str| signed(&format!(r#"{{"exp":1700000100{issuer}}}"#));
    assert!(at(&choosy, &with(r#","iss":"https://login.example""#), NOW).is_ok());
    for issuer in ["", r#","iss":"https://login.example/""#, r#","iss":"""#] {
        assert_eq!(
            at(&choosy, &with(issuer), NOW),
            Err(TokenError::Issuer),
            "{issuer}"
        );
    }
    assert!(at(&plain(), &with(r#","iss":"anyone""#), NOW).is_ok());
}

#[test]
fn the_leeway_can_be_set_but_not_to_anything() {
    let with = |leeway| JwtOptions {
        leeway,
        ..options(vec![secret_key(Algorithm::Hs256, SECRET)])
    };
    let strict = verifier(&with(Duration::ZERO));
    let token = signed(&format!(r#"{{"exp":{NOW}}}"#));
    assert!(at(&strict, &token, NOW - 1).is_ok());
    assert_eq!(at(&strict, &token, NOW), Err(TokenError::Expired));
    assert!(crate::support::load(&with(Duration::from_secs(300))).is_ok());
    let error = crate::support::load(&with(Duration::from_secs(301)));
    let error = error.expect_err("too much").to_string();
    assert!(error.starts_with("jwt.leeway: "), "{error}");
}
