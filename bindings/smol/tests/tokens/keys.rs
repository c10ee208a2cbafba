//! Which keys can be used, and that what cannot be is named.

use crate::support::{
    NOW, SECRET, at, load, options, path, pem_key, secret_key, verifier, with_id,
};
use serde_json::{Value, json};
use tidings_smol::server::{
    Algorithm, AuthError, JwtOptions, KeyOptions, KeyProblem, Keys, NewToken, SigningKey,
};

#[track_caller]
fn problem(keys: Vec<KeyOptions>) -> (String, KeyProblem) {
    match load(&options(keys)).map(drop) {
        Err(AuthError::Key(name, problem)) => (name, problem),
        other => panic!("a key is refused: {other:?}"),
    }
}

#[test]
fn secrets_are_as_long_as_their_hash() {
    for (algorithm, least) in [
        (Algorithm::Hs256, 32),
        (Algorithm::Hs384, 48),
        (Algorithm::Hs512, 64),
    ] {
        let key = |len| secret_key(algorithm, &"x".repeat(len));
        assert!(load(&options(vec![key(least)])).is_ok());
        let (name, found) = problem(vec![key(64), key(least - 1)]);
        assert_eq!(name, "key 1");
        assert_eq!(found, KeyProblem::ShortSecret { algorithm, least });
        let short = SigningKey::from_secret(algorithm, &"x".repeat(least - 1));
        assert_eq!(short.err(), Some(found));
    }
}

#[test]
fn a_key_is_of_the_kind_that_its_algorithm_needs() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let (name, found) = problem(vec![with_id("a", secret_key(algorithm, SECRET))]);
        assert_eq!(
            (&*name, found),
            ("the key \"a\"", KeyProblem::WrongKind(algorithm))
        );
        let signing = SigningKey::from_secret(algorithm, SECRET);
        assert_eq!(signing.err(), Some(KeyProblem::WrongKind(algorithm)));
    }
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let (_, found) = problem(vec![pem_key(algorithm, "rsa.public.pem")]);
        assert_eq!(found, KeyProblem::WrongKind(algorithm));
        let signing = SigningKey::from_pem(algorithm, b"");
        assert_eq!(signing.err(), Some(KeyProblem::WrongKind(algorithm)));
    }
}

#[test]
fn only_public_keys_of_the_right_kind_and_size_check_signatures() {
    let kinds = [
        (Algorithm::Rs256, "rsa.public.pem"),
        (Algorithm::Es256, "ec.public.pem"),
        (Algorithm::EdDsa, "ed.public.pem"),
    ];
    let files = [
        "rsa.public.pem",
        "ec.public.pem",
        "ed.public.pem",
        "rsa.pem",
        "ec.pem",
        "ed.pem",
        "p384.public.pem",
        "rsa-1024.public.pem",
        "keys.json",
    ];
    for (algorithm, right) in kinds {
        for file in files {
            if file == right {
                assert!(
                    load(&options(vec![pem_key(algorithm, file)])).is_ok(),
                    "{file}"
                );
            } else {
                let (_, found) = problem(vec![pem_key(algorithm, file)]);
                assert_eq!(found, KeyProblem::NotPublic(algorithm), "{file}");
            }
        }
    }
}

#[test]
fn only_private_keys_of_the_right_kind_sign() {
    let kinds = [
        (Algorithm::Rs256, "rsa.pem"),
        (Algorithm::Es256, "ec.pem"),
        (Algorithm::EdDsa, "ed.pem"),
    ];
    for (algorithm, right) in kinds {
        for file in [
            "rsa.pem",
            "ec.pem",
            "ed.pem",
            "rsa.public.pem",
            "ec.public.pem",
            "keys.json",
        ] {
            let key = SigningKey::from_pem_file(algorithm, &path(file));
            match key {
                Ok(_) => assert_eq!(file, right, "{algorithm}"),
                Err(error) => {
                    assert_ne!(file, right, "{algorithm}: {error}");
                    let error = error.to_string();
                    assert!(
                        error.contains(file) && error.contains("private key"),
                        "{error}"
                    );
                }
            }
        }
    }
}

#[test]
fn files_with_secrets_may_end_in_a_line_break() {
    let folder = std::env::temp_dir().join(format!("tidings-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("secret.txt");
    let from_file = KeyOptions {
        secret: None,
        secret_file: Some(file.clone()),
        ..secret_key(Algorithm::Hs256, "")
    };
    let token = NewToken {
        expires_s: Some(NOW + 100),
        ..NewToken::default()
    };
    let token = SigningKey::from_secret(Algorithm::Hs256, SECRET)
        .and_then(|key| key.sign(&token))
        .expect("a token");
    for (end, is_same) in [
        ("", true),
        ("\n", true),
        ("\r\n", true),
        ("\n\n", false),
        (" ", false),
    ] {
        std::fs::write(&file, format!("{SECRET}{end}")).expect("a file");
        let verifier = verifier(&options(vec![from_file.clone()]));
        assert_eq!(at(&verifier, &token, NOW).is_ok(), is_same, "{end:?}");
    }
    std::fs::remove_dir_all(&folder).expect("it was ours");
    match load(&options(vec![from_file])).map(drop) {
        Err(AuthError::File(named, _)) => assert_eq!(named, file),
        other => panic!("the file is gone: {other:?}"),
    }
}

#[test]
fn it_is_said_once_what_a_key_is() {
    let nothing = KeyOptions {
        secret: None,
        ..secret_key(Algorithm::Hs256, SECRET)
    };
    let twice = KeyOptions {
        secret_file: Some(path("keys.json")),
        ..secret_key(Algorithm::Hs256, SECRET)
    };
    for key in [nothing, twice] {
        let (_, found) = problem(vec![key]);
        assert!(matches!(found, KeyProblem::NotOnce(_)), "{found:?}");
    }
}

#[test]
fn no_id_is_given_twice() {
    let key = |id: &str| with_id(id, secret_key(Algorithm::Hs256, SECRET));
    let (name, found) = problem(vec![key("a"), key("b"), key("a")]);
    assert_eq!((&*name, found), ("the key \"a\"", KeyProblem::Twice));
    let with_file = JwtOptions {
        jwks_file: Some(path("keys.json")),
        ..options(vec![key("ec")])
    };
    let error = load(&with_file).expect_err("there are two").to_string();
    assert_eq!(error, "the key \"ec\": there are two of this name");
}

#[test]
fn there_are_not_more_keys_than_can_be_tried() {
    let unnamed = |count| vec![secret_key(Algorithm::Hs256, SECRET); count];
    assert!(load(&options(unnamed(4))).is_ok());
    let error = load(&options(unnamed(5)))
        .expect_err("too many")
        .to_string();
    assert!(error.contains("have no id"), "{error}");
    let named = |count: usize| {
        let keys = (0..count).map(|id| with_id(&id.to_string(), unnamed(1).remove(0)));
        options(keys.collect())
    };
    assert!(load(&named(100)).is_ok());
    let error = load(&named(101)).expect_err("too many");
    assert!(
        matches!(error, AuthError::TooManyKeys { limit: 100 }),
        "{error}"
    );
}

#[test]
fn without_keys_no_token_can_be_checked() {
    let error = load(&options(Vec::new())).expect_err("no keys");
    assert!(matches!(error, AuthError::NoKeys), "{error}");
}

fn jwks() -> Value {
    let json = std::fs::read_to_string(path("keys.json")).expect("a set of keys");
    serde_json::from_str(&json).expect("JSON")
}

fn from_jwks(set: &Value) -> Result<Keys, AuthError> {
    Keys::from_jwks(&set.to_string())
}

#[test]
fn a_set_of_public_keys_checks_what_the_private_ones_sign() {
    let verifier = verifier(&JwtOptions {
        jwks_file: Some(path("keys.json")),
        ..JwtOptions::default()
    });
    for (algorithm, name) in [
        (Algorithm::Rs256, "rsa"),
        (Algorithm::Es256, "ec"),
        (Algorithm::EdDsa, "ed"),
    ] {
        let key = SigningKey::from_pem_file(algorithm, &path(&format!("{name}.pem")));
        let token = NewToken {
            expires_s: Some(NOW + 100),
            ..NewToken::default()
        };
        let token = key.expect("a key").with_id(name).sign(&token);
        assert!(
            at(&verifier, &token.expect("a token"), NOW).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn keys_that_are_not_understood_are_passed_over() {
    let good = jwks()["keys"][1].clone();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key["kid"] = json!("other");
        key
    };
    for other in [
        json!(7),
        json!({}),
        json!({ "kty": "oct", "k": "c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2ggZm9yIGl0", "alg": "HS256" }),
        json!({ "kty": "dance" }),
        with("use", json!("enc")),
        with("alg", json!("ES384")),
        with("alg", json!("RS256")),
        with("alg", json!("HS256")),
        with("crv", json!("P-384")),
        with("crv", json!("secp256k1")),
        with("x", json!("AAAA")),
        with("y", good["x"].clone()),
        with("y", json!("!")),
        with("kty", json!("RSA")),
    ] {
        let set = json!({ "keys": [other, good] });
        let keys = from_jwks(&set).expect("one is left");
        assert_eq!(keys.len(), 1, "{other}");
        let alone = from_jwks(&json!({ "keys": [other] }));
        assert!(
            matches!(alone, Err(AuthError::Jwks(_))),
            "{other}: {alone:?}"
        );
    }
}

#[test]
fn a_small_rsa_key_is_passed_over_in_a_set_too() {
    let mut key = jwks()["keys"][0].clone();
    key["n"] = json!(key["n"].as_str().expect("a number")[..172]);
    assert!(from_jwks(&json!({ "keys": [key] })).is_err());
    for exponent in ["AQ", "AAE", "Ag", "AA", ""] {
        let mut key = jwks()["keys"][0].clone();
        key["e"] = json!(exponent);
        let keys = from_jwks(&json!({ "keys": [key] }));
        assert!(keys.is_err(), "{exponent:?} is no exponent");
    }
}

#[test]
fn two_keys_of_one_id_in_a_set_are_an_error() {
    let mut set = jwks();
    set["keys"][2]["kid"] = json!("rsa");
    let error = from_jwks(&set).expect_err("two of them").to_string();
    assert_eq!(error, "the key \"rsa\": there are two of this name");
}

#[test]
fn what_is_no_set_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        "{\"keys\":[}",
    ] {
        let keys = Keys::from_jwks(text);
        assert!(matches!(keys, Err(AuthError::Jwks(_))), "{text}: {keys:?}");
    }
}

#[test]
fn nothing_that_is_printed_has_a_key_in_it() {
    let key = with_id("a", secret_key(Algorithm::Hs256, SECRET));
    let options = options(vec![key]);
    let verifier = verifier(&options);
    let signing = SigningKey::from_secret(Algorithm::Hs256, SECRET).expect("a key");
    let written = serde_json::to_string(&options).expect("JSON");
    let printed = format!("{options:?} {verifier:?} {signing:?} {written}");
    assert!(printed.contains("[secret]"), "{printed}");
    assert!(!printed.contains(SECRET), "{printed}");
    let bytes = SECRET.as_bytes();
    assert!(
        !printed.contains(&format!("{}, {}, {}", bytes[0], bytes[1], bytes[2])),
        "{printed}"
    );
}
