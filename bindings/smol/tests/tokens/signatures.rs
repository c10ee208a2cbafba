//! Tokens that are not signed as they should be, and everything that has been tried to hide that.

use crate::support::{
    NOW, SECRET, Signer, at, base64, load, message, options, path, pem, pem_key, plain, secret_key,
    signed, verifier, with_id,
};
use std::sync::Arc;
use tidings_smol::server::{
    Algorithm, JwtOptions, KeyOptions, Keys, NewToken, SigningKey, TokenError,
};

const CLAIMS: &str = r#"{"sub":"ada","exp":1700000100}"#;

/// Each algorithm, with what signs for it and what checks that.
fn pairs() -> Vec<(Algorithm, SigningKey, KeyOptions)> {
    let secret = |algorithm| {
        let key = SigningKey::from_secret(algorithm, SECRET).expect("a secret");
        (algorithm, key, secret_key(algorithm, SECRET))
    };
    let pair = |algorithm, name: &str| {
        let key = SigningKey::from_pem_file(algorithm, &path(&format!("{name}.pem")));
        let public = pem_key(algorithm, &format!("{name}.public.pem"));
        (algorithm, key.expect("a private key"), public)
    };
    vec![
        secret(Algorithm::Hs256),
        secret(Algorithm::Hs384),
        secret(Algorithm::Hs512),
        pair(Algorithm::Rs256, "rsa"),
        pair(Algorithm::Es256, "ec"),
        pair(Algorithm::EdDsa, "ed"),
    ]
}

fn ada() -> NewToken {
    NewToken {
        user: Some("ada".to_owned()),
        expires_s: Some(NOW + 100),
        ..NewToken::default()
    }
}

#[test]
fn every_algorithm_signs_and_is_checked() {
    for (algorithm, key, public) in pairs() {
        let verifier = verifier(&options(vec![public]));
        let token = key.sign(&ada()).expect("a token");
        let identity = at(&verifier, &token, NOW).expect("a good token");
        assert_eq!(identity.user.as_deref(), Some("ada"), "{algorithm}");
    }
}

#[test]
fn a_key_is_for_its_own_algorithm_and_no_other() {
    for (algorithm, _, public) in pairs() {
        let verifier = verifier(&options(vec![with_id("k", public)]));
        for (other, key, _) in pairs() {
            let named = key.clone().with_id("k").sign(&ada()).expect("a token");
            let unnamed = key.sign(&ada()).expect("a token");
            if other == algorithm {
                assert!(at(&verifier, &named, NOW).is_ok(), "{algorithm}");
                assert!(at(&verifier, &unnamed, NOW).is_ok(), "{algorithm}");
            } else {
                let judged = at(&verifier, &named, NOW);
                assert_eq!(
                    judged,
                    Err(TokenError::Algorithm),
                    "{other} for {algorithm}"
                );
                let judged = at(&verifier, &unnamed, NOW);
                assert_eq!(
                    judged,
                    Err(TokenError::UnknownKey),
                    "{other} for {algorithm}"
                );
            }
        }
    }
}

#[test]
fn one_bit_makes_it_another_token() {
    for (algorithm, key, public) in pairs() {
        let verifier = verifier(&options(vec![public]));
        let token = key.sign(&ada()).expect("a token");
        let mut bytes = token.clone().into_bytes();
        for place in 0..bytes.len() {
            let was = bytes[place];
            bytes[place] = if was == b'A' { b'B' } else { b'A' };
            let other = std::str::from_utf8(&bytes).expect("still a text");
            assert!(
                at(&verifier, other, NOW).is_err(),
                "{algorithm} with another byte {place}"
            );
            bytes[place] = was;
        }
        for len in 0..token.len() {
            assert!(
                at(&verifier, &token[..len], NOW).is_err(),
                "{algorithm}, {len} bytes of it"
            );
        }
        for more in [".", "A", "=", " ", "\n", ".A", "%"] {
            let longer = format!("{token}{more}");
            assert!(
                at(&verifier, &longer, NOW).is_err(),
                "{algorithm} with {more:?}"
            );
        }
    }
}

#[test]
fn unsigned_is_never_good() {
    let good = signed(CLAIMS);
    let (_, signature) = good.rsplit_once('.').expect("it has parts");
    for name in [
        "none", "None", "NONE", "nOnE", "", " HS256", "hs256", "HS256 ",
    ] {
        let message = message(&format!(r#"{{"alg":"{name}"}}"#), CLAIMS);
        for signature in ["", signature] {
            let judged = at(&plain(), &format!("{message}.{signature}"), NOW);
            assert_eq!(judged, Err(TokenError::Algorithm), "{name:?}");
        }
    }
    let empty = format!("{}.", message(r#"{"alg":"HS256"}"#, CLAIMS));
    assert_eq!(at(&plain(), &empty, NOW), Err(TokenError::Signature));
}

#[test]
fn algorithms_that_are_not_on_the_list_are_refused() {
    for name in [
        "RS384", "RS512", "PS256", "ES384", "ES256K", "EdDSA2", "A128KW", "dir", "Ed25519",
    ] {
        let message = message(&format!(r#"{{"alg":"{name}"}}"#), CLAIMS);
        let judged = at(&plain(), &format!("{message}.AAAA"), NOW);
        assert_eq!(judged, Err(TokenError::Algorithm), "{name}");
    }
}

#[test]
fn a_public_key_is_never_a_secret() {
    // In every form that it has: the file, without its last line break, the bytes within.
    for name in ["rsa.public.pem", "ec.public.pem", "ed.public.pem"] {
        let algorithm = match &name[..2] {
            "rs" => Algorithm::Rs256,
            "ec" => Algorithm::Es256,
            _ => Algorithm::EdDsa,
        };
        let file = pem(name);
        let der: String = String::from_utf8_lossy(&file)
            .lines()
            .filter(|line| !line.starts_with("---"))
            .collect();
        let secrets = [
            file.trim_ascii_end().to_vec(),
            file.clone(),
            der.into_bytes(),
        ];
        for key in [
            pem_key(algorithm, name),
            with_id("k", pem_key(algorithm, name)),
        ] {
            let verifier = verifier(&options(vec![key]));
            for secret in &secrets {
                for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","kid":"k"}"#] {
                    let token = Signer::secret(secret).sign(header, CLAIMS);
                    assert!(at(&verifier, &token, NOW).is_err(), "{name}, {header}");
                }
            }
        }
    }
}

#[test]
fn keys_in_the_token_itself_are_not_looked_at() {
    let own = "a secret that whoever made the token has thought of";
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, base64(own));
    for header in [
        format!(r#"{{"alg":"HS256","jwk":{jwk}}}"#),
        r#"{"alg":"HS256","jku":"http://127.0.0.1:1/keys"}"#.to_owned(),
        r#"{"alg":"HS256","x5u":"http://127.0.0.1:1/cert","x5c":["AAAA"]}"#.to_owned(),
        r#"{"alg":"HS256","kid":"../../dev/null"}"#.to_owned(),
    ] {
        let token = Signer::secret(own.as_bytes()).sign(&header, CLAIMS);
        assert_eq!(
            at(&plain(), &token, NOW),
            Err(TokenError::Signature),
            "{header}"
        );
    }
}

#[test]
fn what_must_be_understood_and_is_not_is_refused() {
    for crit in [r#"["b64"]"#, "[]", "\"exp\"", "null"] {
        let header = format!(r#"{{"alg":"HS256","b64":false,"crit":{crit}}}"#);
        let token = Signer::secret(SECRET.as_bytes()).sign(&header, CLAIMS);
        assert_eq!(
            at(&plain(), &token, NOW),
            Err(TokenError::Critical),
            "{header}"
        );
    }
}

#[test]
fn headers_that_are_none_are_refused() {
    let signer = Signer::secret(SECRET.as_bytes());
    for header in [
        "",
        "null",
        "[]",
        r#"["HS256"]"#,
        "{}",
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":256}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":null}"#,
        r#"{"alg":"HS256","kid":7}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256"} "#,
        r#"{"alg":"HS256"}{}"#,
    ] {
        let judged = at(&plain(), &signer.sign(header, CLAIMS), NOW);
        if header.ends_with(' ') {
            assert!(judged.is_ok(), "white space is JSON");
        } else {
            assert!(
                matches!(judged, Err(TokenError::Malformed(_))),
                "{header}: {judged:?}"
            );
        }
    }
    let accepted = signer.sign(
        r#"{"typ":"JWT","alg":"HS256","cty":"x","other":[1]}"#,
        CLAIMS,
    );
    assert!(at(&plain(), &accepted, NOW).is_ok());
}

#[test]
fn a_token_is_three_parts_in_base64url() {
    let good = signed(CLAIMS);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("three parts")
    };
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}."),
        format!(".{header}.{claims}.{signature}"),
        format!("{header}..{claims}.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header} .{claims}.{signature}"),
        format!("{header}.{claims}\n.{signature}"),
        format!("ü{header}.{claims}.{signature}"),
        format!("{header}.+/{claims}.{signature}"),
        // Bits behind the last byte are another spelling of the same token.
        good.replace(header, &format!("{}R", &header[..header.len() - 1])),
    ] {
        let judged = at(&plain(), &token, NOW);
        let is_refused = matches!(
            judged,
            Err(TokenError::Malformed(_) | TokenError::Signature)
        );
        assert!(is_refused, "{token:?}: {judged:?}");
    }
}

#[test]
fn a_token_that_is_too_long_is_not_even_read() {
    let padded = |pad| {
        let pad = "x".repeat(pad);
        signed(&format!(r#"{{"exp":1700000100,"pad":"{pad}"}}"#))
    };
    let mut tokens = (6_000..6_200).rev().map(padded);
    let longest = tokens.find(|token| token.len() <= 8_192);
    let longest = longest.expect("there is one");
    assert!(longest.len() > 8_180);
    assert!(at(&plain(), &longest, NOW).is_ok());
    for len in [8_193, 100_000] {
        let judged = at(&plain(), &"A".repeat(len), NOW);
        assert_eq!(judged, Err(TokenError::TooLong { limit: 8_192 }));
    }
}

#[test]
fn the_key_id_says_which_key() {
    let key = |id: &str, secret: &str| with_id(id, secret_key(Algorithm::Hs256, secret));
    let secret = |number: u8| format!("secret number {number}, which is long enough");
    let two = verifier(&options(vec![key("1", &secret(1)), key("2", &secret(2))]));
    let token = |id: &str, number| {
        let header = format!(r#"{{"alg":"HS256"{id}}}"#);
        Signer::secret(secret(number).as_bytes()).sign(&header, CLAIMS)
    };
    assert!(at(&two, &token(r#","kid":"1""#, 1), NOW).is_ok());
    assert!(at(&two, &token(r#","kid":"2""#, 2), NOW).is_ok());
    let wrong = at(&two, &token(r#","kid":"1""#, 2), NOW);
    assert_eq!(wrong, Err(TokenError::Signature));
    for unknown in [r#","kid":"3""#, r#","kid":"""#, r#","kid":"1 ""#, ""] {
        let judged = at(&two, &token(unknown, 1), NOW);
        assert_eq!(judged, Err(TokenError::UnknownKey), "{unknown}");
    }
    // One key that is alone needs no name, but a name that is given has to be its.
    let one = verifier(&options(vec![key("1", &secret(1))]));
    assert!(at(&one, &token("", 1), NOW).is_ok());
    let judged = at(&one, &token(r#","kid":"3""#, 1), NOW);
    assert_eq!(judged, Err(TokenError::UnknownKey));
}

#[test]
fn keys_without_a_name_are_tried() {
    let secret = |number: u8| format!("secret number {number}, which is long enough");
    let keys = [1, 2].map(|number| secret_key(Algorithm::Hs256, &secret(number)));
    let verifier = verifier(&options(keys.to_vec()));
    for (number, is_good) in [(1, true), (2, true), (3, false)] {
        for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","kid":"theirs"}"#] {
            let token = Signer::secret(secret(number).as_bytes()).sign(header, CLAIMS);
            let judged = at(&verifier, &token, NOW);
            assert_eq!(judged.is_ok(), is_good, "{number}, {header}: {judged:?}");
        }
    }
}

#[test]
fn fetched_keys_are_as_good_as_those_of_the_options() {
    let json = std::fs::read_to_string(path("keys.json")).expect("a set of keys");
    let remote = JwtOptions {
        jwks_url: Some("https://keys.example".to_owned()),
        ..JwtOptions::default()
    };
    let none = load(&remote).expect("keys come later");
    let key = SigningKey::from_pem_file(Algorithm::Es256, &path("ec.pem")).expect("a key");
    let token = key.with_id("ec").sign(&ada()).expect("a token");
    assert_eq!(at(&none, &token, NOW), Err(TokenError::UnknownKey));
    let fetched = Arc::new(Keys::from_jwks(&json).expect("a set of keys"));
    let some = none.with_fetched(fetched);
    assert!(at(&some, &token, NOW).is_ok());
    let none = some.with_fetched(Arc::default());
    assert_eq!(at(&none, &token, NOW), Err(TokenError::UnknownKey));
}
