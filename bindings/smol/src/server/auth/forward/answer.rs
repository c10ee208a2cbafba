//! What the application answers: who it is, what they may do, and until when.
//!
//! It does not know what was asked. It is read strictly: what is misspelt is no answer, for it would
//! else be a right that was not meant.

use crate::server::identity::{Access, Identity};
use crate::server::object::Object;
use serde::Deserialize;
use tidings_core::Rules;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// Null for nobody in particular. It cannot be left out: that would be a mistake.
    #[serde(deserialize_with = "Option::deserialize")]
    user: Option<String>,
    #[serde(default)]
    expires_ms: Option<u64>,
    #[serde(default)]
    token_id: Option<String>,
    access: Object<Access>,
}

/// Reads an answer.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(json: &[u8], rules: &Rules) -> Result<Identity, String> {
    let answer = serde_json::from_slice::<Object<Answer>>(json);
    let Object(answer) = answer.map_err(|error| error.to_string())?;
    for (name, text) in [("user", &answer.user), ("token_id", &answer.token_id)] {
        if let Some(text) = text {
            let checked = rules.check_user(text);
            checked.map_err(|error| format!("{name}: {error}"))?;
        }
    }
    let Object(access) = answer.access;
    access
        .check_names(rules)
        .map_err(|error| format!("access: {error}"))?;
    Ok(Identity {
        user: answer.user,
        access,
        expires_ms: answer.expires_ms,
        token_id: answer.token_id,
        ..Identity::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_core::HubOptions;

    fn read(json: &str) -> Result<Identity, String> {
        let rules = Rules::new(&HubOptions::default()).unwrap();
        super::read(json.as_bytes(), &rules)
    }

    #[test]
    fn an_answer_says_who_it_is_and_what_they_may_do() {
        let json = r#"{"user":"ann","expires_ms":12,"token_id":"t","access":
            {"subscribe":["news","rooms/*"],"grants":["rooms/7"],"publish_direct":true}}"#;
        let identity = read(json).unwrap();
        assert_eq!(identity.user.as_deref(), Some("ann"));
        assert_eq!(identity.token_id.as_deref(), Some("t"));
        assert_eq!(identity.expires_ms, Some(12));
        assert_eq!(identity.access.subscribe, ["news", "rooms/*"]);
        assert_eq!(identity.access.grants, ["rooms/7"]);
        assert!(identity.access.publish_direct && !identity.access.admin);
        let nobody = read(r#"{"user":null,"access":{}}"#).unwrap();
        assert_eq!(nobody, Identity::default());
    }

    #[test]
    fn what_is_not_quite_an_answer_is_none() {
        let long = format!(r#"{{"user":"{}","access":{{}}}}"#, "x".repeat(10_000));
        for (json, word) in [
            ("", "EOF"),
            ("null", "object"),
            ("true", "object"),
            ("[]", "object"),
            (r#"["ann",null,null,{}]"#, "object"),
            ("{}", "user"),
            (r#"{"user":"ann"}"#, "access"),
            (r#"{"access":{}}"#, "user"),
            (r#"{"user":"ann","access":null}"#, "object"),
            (r#"{"user":"ann","access":[]}"#, "object"),
            (r#"{"user":7,"access":{}}"#, "string"),
            (r#"{"user":"","access":{}}"#, "user: "),
            (r#"{"user":"a\nb","access":{}}"#, "user: "),
            (&long, "user: "),
            (r#"{"user":"ann","token_id":"","access":{}}"#, "token_id: "),
            (r#"{"user":"ann","expires_ms":-1,"access":{}}"#, "-1"),
            (r#"{"user":"ann","expires_ms":"soon","access":{}}"#, "soon"),
            (r#"{"user":"ann","expires_ms":1.5,"access":{}}"#, "1.5"),
            (r#"{"user":"ann","acces":{}}"#, "acces"),
            (r#"{"user":"ann","user":"bob","access":{}}"#, "user"),
            (r#"{"user":"ann","access":{"subscibe":["a"]}}"#, "subscibe"),
            (r#"{"user":"ann","access":{"subscribe":"a"}}"#, "sequence"),
            (r#"{"user":"ann","access":{"subscribe":["a*"]}}"#, "a*"),
            (r#"{"user":"ann","access":{"grants":[""]}}"#, "grants"),
            (r#"{"user":"ann","access":{"publish":["**/a"]}}"#, "publish"),
            (r#"{"user":"ann","access":{"admin":1}}"#, "boolean"),
            (r#"{"user":"ann","access":{}} {}"#, "trailing"),
        ] {
            let problem = read(json).unwrap_err();
            assert!(problem.contains(word), "{json}: {problem}");
        }
    }
}
