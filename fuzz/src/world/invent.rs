//! Stories out of a seed: how often each thing is done, and how stories get simpler.
//!
//! It does not know what follows from what is done.

use super::dice::Dice;
use super::story::{Deed, Doing, For, Keeps, Note, OwnId, Persona, Scene, ServerKind, Story};
use crate::ops::{PATTERNS, TABS, TOPICS, USERS};

/// Topics, those more often that many listen to.
const COMMON: [&str; 3] = ["a", "a/b", "latest/x"];

/// An array that everything can do without.
const PLAIN: Note = Note::topic("a");

impl Story {
    /// The story of a seed, with so many doings.
    #[must_use]
    pub fn of_seed(seed: u64, steps: usize) -> Self {
        let mut dice = Dice::new(seed);
        let scene = Scene::invent(&mut dice);
        let doings = (0..steps).map(|_| Doing::invent(&mut dice)).collect();
        Self { scene, doings }
    }
}

/// A number that fits, so many times in a hundred.
fn maybe<N: TryFrom<u64>>(dice: &mut Dice, percent: u64, least: u64, end: u64) -> Option<N> {
    if dice.chance(percent) {
        dice.small(least, end)
    } else {
        None
    }
}

fn number<N: TryFrom<u64> + Default>(dice: &mut Dice, least: u64, end: u64) -> N {
    dice.small(least, end).unwrap_or_default()
}

impl Scene {
    fn invent(dice: &mut Dice) -> Self {
        let server = ServerKind {
            shards: dice.pick(&[0, 0, 0, 1, 2, 3, 4]),
            room: dice.pick(&[1, 2, 8, 64]),
            mail_ms: dice.pick(&[0, 3, 30, 250]),
            lazy: dice.chance(50),
        };
        Self {
            seed: dice.roll(),
            server,
            log: Keeps::invent(dice),
            below: dice.chance(70).then(|| Keeps::invent(dice)),
            lag_closes: dice.chance(50),
            replay_events: maybe(dice, 40, 0, 7),
            rescue_bytes: dice.pick(&[None, None, Some(500), Some(0)]),
            idle: maybe(dice, 30, 30, 250),
            age: maybe(dice, 30, 50, 250),
            readers: (0..dice.between(2, 7))
                .map(|_| Persona::invent(dice))
                .collect(),
        }
    }

    /// The same with one thing less.
    pub(super) fn plainer(&self) -> Vec<Self> {
        let changes: [&dyn Fn(&mut Self); 10] = [
            &|scene| scene.server.shards = 0,
            &|scene| scene.server.shards = scene.server.shards.min(2),
            &|scene| scene.server.lazy = false,
            &|scene| (scene.server.mail_ms, scene.server.room) = (0, 64),
            &|scene| scene.below = None,
            &|scene| scene.log = Keeps::PLENTY,
            &|scene| scene.lag_closes = false,
            &|scene| (scene.replay_events, scene.rescue_bytes) = (None, None),
            &|scene| (scene.idle, scene.age) = (None, None),
            &|scene| drop(scene.readers.pop()),
        ];
        let mut scenes: Vec<Self> = changes
            .iter()
            .map(|change| {
                let mut scene = self.clone();
                change(&mut scene);
                scene
            })
            .collect();
        for reader in 0..self.readers.len() {
            for change in Persona::CHANGES {
                let mut scene = self.clone();
                change(&mut scene.readers[reader]);
                scenes.push(scene);
            }
        }
        scenes.retain(|scene| format!("{scene:?}") != format!("{self:?}"));
        scenes
    }
}

impl Keeps {
    const PLENTY: Self = Self {
        events: u8::MAX,
        bytes: u16::MAX,
        age: None,
        records: None,
    };

    fn invent(dice: &mut Dice) -> Self {
        Self {
            events: number(dice, 0, 60),
            bytes: number(dice, 0, 47_000),
            age: maybe(dice, 30, 5, 200),
            records: maybe(dice, 40, 0, 80),
        }
    }
}

impl Persona {
    const CHANGES: [fn(&mut Self); 9] = [
        |one| one.websocket = false,
        |one| one.user = None,
        |one| one.tab = None,
        |one| one.topics.truncate(1),
        |one| one.granted = false,
        |one| one.lag_closes = None,
        |one| one.comments = false,
        |one| one.token = None,
        |one| one.renews = true,
    ];

    fn invent(dice: &mut Dice) -> Self {
        let topics = (0..dice.between(1, 4)).map(|_| match dice.below(10) {
            0 => "**",
            1 => dice.pick(&PATTERNS),
            2..=6 => dice.pick(&["a", "a/b", "latest/*"]),
            _ => dice.pick(&TOPICS),
        });
        Self {
            topics: topics.collect(),
            user: dice.chance(60).then(|| dice.pick(&USERS)),
            tab: dice.chance(30).then(|| dice.pick(&TABS)),
            granted: dice.chance(30),
            lag_closes: dice.chance(50).then(|| dice.chance(50)),
            comments: dice.chance(30),
            token: maybe(dice, 30, 30, 200),
            renews: dice.chance(70),
            websocket: dice.chance(30),
        }
    }
}

impl Doing {
    fn invent(dice: &mut Dice) -> Self {
        let after_ms = match dice.below(10) {
            0 => 255,
            1..=4 => dice.between(0, 8),
            _ => dice.between(8, 200),
        };
        Self {
            after_ms: after_ms as u32,
            deed: Deed::invent(dice),
        }
    }

    /// The same made simpler.
    pub(super) fn simpler(&self) -> Vec<Self> {
        let with = |deed| Self {
            after_ms: self.after_ms,
            deed,
        };
        let deeds = self.deed.simpler().into_iter();
        let mut doings: Vec<Self> = deeds.filter(|deed| *deed != self.deed).map(with).collect();
        if !matches!(self.deed, Deed::Wait { .. }) {
            doings.push(with(Deed::Wait { ms: 0 }));
        }
        for after_ms in [self.after_ms / 2, 0] {
            if after_ms < self.after_ms {
                doings.push(Self {
                    after_ms,
                    deed: self.deed.clone(),
                });
            }
        }
        doings
    }
}

impl Deed {
    fn invent(dice: &mut Dice) -> Self {
        let reader = number(dice, 0, 256);
        match dice.below(200) {
            0..=109 => Self::Publish {
                publisher: number(dice, 0, 4),
                notes: notes(dice),
                unheard: dice.chance(20),
            },
            110..=129 => Self::Cut {
                reader,
                keep: number(dice, 0, 256),
                told_ms: number(dice, 0, 500),
            },
            130..=135 => Self::Deafen { reader },
            136..=145 => Self::StopReading { reader },
            146..=155 => Self::ReadSlowly {
                reader,
                bytes: number(dice, 0, 256),
            },
            156..=168 => Self::ReadFast { reader },
            169..=172 => Self::Delay {
                reader,
                ms: number(dice, 0, 256),
            },
            173..=176 => Self::Leave {
                reader,
                ms: number(dice, 0, 5_000),
            },
            177..=179 => Self::Close { reader },
            180..=182 => Self::SetClock {
                by_ms: number::<i16>(dice, 0, 2_000) - 1_000,
            },
            183..=186 => Self::Wake { shard: reader },
            187..=194 => Self::Hold {
                shard: reader,
                ms: number(dice, 0, 600),
            },
            195 if dice.chance(60) => Self::Drain {
                ms: number(dice, 0, 256),
            },
            196 if dice.chance(60) => Self::Crash {
                ms: number(dice, 0, 2_000),
            },
            _ => Self::Wait {
                ms: number(dice, 0, 4_000),
            },
        }
    }

    fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Publish {
                publisher,
                notes,
                unheard,
            } => {
                let with = |notes, unheard| Self::Publish {
                    publisher: *publisher,
                    notes,
                    unheard,
                };
                let mut deeds: Vec<Self> = Vec::new();
                for place in 0..notes.len() {
                    let fewer = |deeds: &mut Vec<Self>, note: Option<Note>| {
                        let mut notes = notes.clone();
                        notes.splice(place..=place, note);
                        deeds.push(with(notes, *unheard));
                    };
                    for note in notes[place].simpler() {
                        fewer(&mut deeds, Some(note));
                    }
                    fewer(&mut deeds, None);
                }
                if *unheard {
                    deeds.push(with(notes.clone(), false));
                }
                deeds
            }
            Self::Cut { reader, keep, .. } => {
                let cut = |keep, told_ms| Self::Cut {
                    reader: *reader,
                    keep,
                    told_ms,
                };
                vec![cut(0, 0), cut(*keep, 0)]
            }
            _ => Vec::new(),
        }
    }
}

fn notes(dice: &mut Dice) -> Vec<Note> {
    let count = if dice.chance(70) {
        1
    } else {
        dice.between(2, 6)
    };
    let named = dice.chance(50);
    (0..count).map(|_| Note::invent(dice, named)).collect()
}

impl Note {
    fn invent(dice: &mut Dice, named: bool) -> Self {
        let id = match (named, dice.chance(15)) {
            (false, _) => OwnId::None,
            (true, false) => OwnId::Unique,
            (true, true) => OwnId::Shared(number(dice, 0, 6)),
        };
        Self {
            to: For::invent(dice),
            private: dice.chance(10),
            except: maybe(dice, 15, 0, 256),
            id,
            size: number(dice, 0, 40),
            long: dice.chance(10),
        }
    }

    fn simpler(&self) -> Vec<Self> {
        let changes: [&dyn Fn(&mut Self); 5] = [
            &|note| note.private = false,
            &|note| note.except = None,
            &|note| note.id = OwnId::None,
            &|note| (note.size, note.long) = (0, false),
            &|note| *note = PLAIN,
        ];
        let simpler = changes.iter().map(|change| {
            let mut note = self.clone();
            change(&mut note);
            note
        });
        simpler.filter(|note| note != self).collect()
    }
}

impl For {
    fn invent(dice: &mut Dice) -> Self {
        let user = dice.pick(&USERS);
        let logs = vec!["a", dice.pick(&["b", "a/b", "a/c"])];
        match dice.below(20) {
            0 => Self::Everyone,
            1 => Self::User(user),
            2 => Self::UserInTopics(user, logs),
            3 | 4 => Self::Topics(logs),
            5 => Self::Reader(number(dice, 0, 256)),
            6..=14 => Self::Topic(dice.pick(&COMMON)),
            _ => Self::Topic(dice.pick(&TOPICS)),
        }
    }
}
