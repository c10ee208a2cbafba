//! What is kept, beside a naive model.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    entries: 4,
    bytes: 4_000,
    ms: 100,
};

fn identity(user: u8, token: u8, expires_ms: Option<u64>, topics: usize) -> Arc<Identity> {
    let mut identity = Identity {
        user: (user > 0).then(|| format!("user {user}")),
        token_id: (token > 0).then(|| format!("token {token}")),
        expires_ms,
        ..Identity::default()
    };
    identity.access.subscribe = vec!["topic".to_owned(); topics];
    Arc::new(identity)
}

fn key(number: u8) -> Key {
    Arc::from([number; 20])
}

fn at(ms: u64) -> Now {
    Now {
        ms,
        unix_ms: ms + 1_000_000,
    }
}

#[test]
fn an_answer_is_kept_for_its_time_and_no_longer() {
    let mut answers = Answers::new(LIMITS);
    let (one, asked) = (identity(1, 0, None, 1), answers.moment());
    assert!(answers.keep(at(0), &key(1), &one, asked));
    assert_eq!(answers.get(at(99), &key(1)), Some(one));
    assert_eq!(answers.get(at(99), &key(2)), None);
    // That it was used does not make it last.
    assert_eq!(answers.get(at(100), &key(1)), None);
    assert_eq!(answers.get(at(99), &key(1)), None);
}

#[test]
fn an_answer_is_not_kept_beyond_its_end() {
    let mut answers = Answers::new(LIMITS);
    let (one, asked) = (identity(1, 0, Some(1_000_050), 1), answers.moment());
    assert!(answers.keep(at(0), &key(1), &one, asked));
    assert!(answers.get(at(49), &key(1)).is_some());
    // The clock that tokens go by may be set.
    let set = Now {
        ms: 50,
        unix_ms: 1_000_050,
    };
    assert_eq!(answers.get(set, &key(1)), None);
}

#[test]
fn what_was_asked_before_a_revocation_does_not_hold_after_it() {
    let mut answers = Answers::new(LIMITS);
    let (one, two) = (identity(1, 1, None, 1), identity(2, 2, None, 1));
    let before = answers.moment();
    answers.revoke(Revoked::User("user 1".into()));
    answers.revoke(Revoked::Token("token 3".into()));
    assert!(!answers.keep(at(0), &key(1), &one, before));
    assert!(answers.keep(at(0), &key(2), &two, before));
    let after = answers.moment();
    assert!(answers.keep(at(0), &key(1), &one, after));
    answers.revoke(Revoked::Token("token 1".into()));
    assert_eq!(answers.get(at(0), &key(1)), None);
    assert!(answers.get(at(0), &key(2)).is_some());
    // After more revocations than are remembered, it could be anyone's.
    for _ in 0..=REVOCATIONS {
        answers.revoke(Revoked::Token("token 9".into()));
    }
    assert!(!answers.keep(at(0), &key(2), &two, after));
    assert_eq!(answers.revoked.len(), REVOCATIONS);
}

#[test]
fn one_that_is_larger_than_all_may_be_is_not_kept_and_costs_no_other() {
    let mut answers = Answers::new(LIMITS);
    let (small, asked) = (identity(1, 0, None, 1), answers.moment());
    assert!(answers.keep(at(0), &key(1), &small, asked));
    assert!(answers.keep(at(0), &key(2), &identity(2, 0, None, 1_000), asked));
    assert!(answers.get(at(0), &key(1)).is_some());
    assert_eq!(answers.get(at(0), &key(2)), None);
}

#[test]
fn with_no_time_nothing_is_kept() {
    let mut answers = Answers::new(Limits { ms: 0, ..LIMITS });
    let asked = answers.moment();
    assert!(answers.keep(at(0), &key(1), &identity(1, 0, None, 1), asked));
    assert_eq!((answers.get(at(0), &key(1)), answers.bytes), (None, 0));
}

/// What is kept, in order of use.
#[derive(Default)]
struct Model(Vec<(u8, Arc<Identity>, u64, usize)>);

impl Model {
    fn holds(kept: &(u8, Arc<Identity>, u64, usize), now: Now) -> bool {
        now.ms < kept.2 && now.unix_ms < kept.1.expires_ms.unwrap_or(u64::MAX)
    }

    fn get(&mut self, now: Now, key: u8) -> Option<Arc<Identity>> {
        let place = self.0.iter().position(|kept| kept.0 == key)?;
        let kept = self.0.remove(place);
        if !Self::holds(&kept, now) {
            return None;
        }
        self.0.push(kept.clone());
        Some(kept.1)
    }

    fn keep(&mut self, now: Now, key: u8, identity: &Arc<Identity>) {
        self.0.retain(|kept| kept.0 != key);
        let bytes = OVERHEAD + 40 + text_bytes(identity);
        if bytes <= LIMITS.bytes {
            self.0
                .push((key, identity.clone(), now.ms + LIMITS.ms, bytes));
        }
        while self.0.len() > LIMITS.entries
            || self.bytes() > LIMITS.bytes
            || self.0.first().is_some_and(|kept| !Self::holds(kept, now))
        {
            self.0.remove(0);
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|kept| kept.3).sum()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Get(u8),
    Keep(u8, u8, u8, Option<u64>, usize),
    User(u8),
    Token(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let ends = prop::option::of(0_u64..300);
    prop_oneof![
        (0_u64..60).prop_map(Step::Wait),
        (0_u8..8).prop_map(Step::Get),
        (0_u8..8, 0_u8..4, 0_u8..4, ends, 0_usize..100).prop_map(
            |(key, user, token, ends, topics)| Step::Keep(key, user, token, ends, topics)
        ),
        (1_u8..4).prop_map(Step::User),
        (1_u8..4).prop_map(Step::Token),
    ]
}

proptest! {
    #[test]
    fn it_agrees_with_the_model(steps in prop::collection::vec(step(), 0..100)) {
        let (mut answers, mut model, mut now) = (Answers::new(LIMITS), Model::default(), at(0));
        for step in steps {
            match step {
                Step::Wait(ms) => now = at(now.ms + ms),
                Step::Get(number) => {
                    let got = answers.get(now, &key(number));
                    prop_assert_eq!(&got, &model.get(now, number));
                    let ends = got.and_then(|identity| identity.expires_ms);
                    prop_assert!(ends.is_none_or(|ends| now.unix_ms < ends));
                }
                Step::Keep(number, user, token, ends, topics) => {
                    let ends = ends.map(|ms| now.unix_ms + ms);
                    let identity = identity(user, token, ends, topics);
                    let asked = answers.moment();
                    prop_assert!(answers.keep(now, &key(number), &identity, asked));
                    model.keep(now, number, &identity);
                }
                Step::User(user) => {
                    let user = format!("user {user}");
                    model.0.retain(|kept| kept.1.user.as_ref() != Some(&user));
                    answers.revoke(Revoked::User(user));
                }
                Step::Token(token) => {
                    let token = format!("token {token}");
                    model.0.retain(|kept| kept.1.token_id.as_ref() != Some(&token));
                    answers.revoke(Revoked::Token(token));
                }
            }
            prop_assert_eq!(answers.kept.len(), model.0.len());
            prop_assert_eq!(answers.by_use.len(), model.0.len());
            prop_assert_eq!(answers.bytes, model.bytes());
            prop_assert!(answers.bytes <= LIMITS.bytes && answers.kept.len() <= LIMITS.entries);
        }
    }
}
