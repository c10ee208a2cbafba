//! What may leave the school: what a supervisor sees on the board anyway, and nothing else.
//!
//! It does not know who is told. Everything about a student that is sent to anyone is made here, of
//! types that have no place for more: a birthday cannot slip into an event by mistake.

use crate::school::{Group, Student};
use serde::Serialize;
use std::time::SystemTime;

/// What has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    StudentCheckin,
    StudentCheckout,
    ActivityStart,
    ActivityEnd,
}

impl Kind {
    /// The type of its event.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::StudentCheckin => "student_checkin",
            Self::StudentCheckout => "student_checkout",
            Self::ActivityStart => "activity_start",
            Self::ActivityEnd => "activity_end",
        }
    }
}

/// Something that has happened in a group.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Happened {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) active_group_id: String,
    pub(crate) data: Display,
    /// RFC 3339, UTC.
    pub(crate) timestamp: String,
}

impl Happened {
    /// To a student.
    pub(crate) fn to(kind: Kind, student: &Student, group: &Group) -> Self {
        let shown = ShownStudent::of(student);
        let data = Display::Student {
            student_id: shown.student_id,
            student_name: shown.student_name,
            activity_name: group.activity_name.clone(),
            room: group.room.clone(),
        };
        Self::now(kind, group, data)
    }

    /// To an activity.
    pub(crate) fn in_activity(kind: Kind, group: &Group) -> Self {
        let data = Display::Activity {
            activity_name: group.activity_name.clone(),
            room: group.room.clone(),
        };
        Self::now(kind, group, data)
    }

    fn now(kind: Kind, group: &Group, data: Display) -> Self {
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        Self {
            kind,
            active_group_id: group.active_group_id.clone(),
            data,
            timestamp: now.to_string(),
        }
    }
}

/// What an event says.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Display {
    Student {
        student_id: String,
        student_name: String,
        activity_name: String,
        room: String,
    },
    Activity {
        activity_name: String,
        room: String,
    },
}

/// A student, as others see them.
#[derive(Serialize)]
pub(crate) struct ShownStudent {
    pub(crate) student_id: String,
    pub(crate) student_name: String,
}

impl ShownStudent {
    pub(crate) fn of(student: &Student) -> Self {
        Self {
            student_id: student.student_id.clone(),
            student_name: student.name.clone(),
        }
    }
}

/// A group with all who are there.
#[derive(Serialize)]
pub(crate) struct ShownGroup {
    active_group_id: String,
    activity_name: String,
    room: String,
    is_active: bool,
    visits: Vec<ShownStudent>,
}

impl ShownGroup {
    pub(crate) fn of<'a>(group: &Group, visitors: impl Iterator<Item = &'a Student>) -> Self {
        Self {
            active_group_id: group.active_group_id.clone(),
            activity_name: group.activity_name.clone(),
            room: group.room.clone(),
            is_active: group.is_active,
            visits: visitors.map(ShownStudent::of).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::school::School;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Every key in it, at any depth.
    fn keys(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    found.insert(key.clone());
                    keys(value, found);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }

    #[test]
    fn nothing_leaves_but_what_is_displayed() {
        let mut school = School::load();
        let group = school.group("123").expect("it exists").clone();
        let mut left = vec![serde_json::to_value(school.shown(&group)).expect("JSON")];
        let mut happened = school.end_activity("123").expect("it runs");
        school.apply(&happened);
        for more in [
            school.start_activity("123"),
            school.check_in("456", "126"),
            school.check_out("456", "124"),
        ] {
            happened.extend(more.expect("it can be"));
        }
        assert_eq!(happened.len(), 5, "an end, a start, out, in, out");
        let events = happened
            .iter()
            .map(|event| serde_json::to_value(event).expect("JSON"));
        left.extend(events);
        let mut found = BTreeSet::new();
        left.iter().for_each(|value| keys(value, &mut found));
        let expected = "active_group_id activity_name data is_active room student_id student_name \
                        timestamp type visits";
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), expected);
        let left = Value::from(left).to_string();
        let file: Value = serde_json::from_str(include_str!("school.json")).expect("JSON");
        for student in file["students"].as_array().expect("a list") {
            let guardians = student["guardians"].as_array().expect("a list");
            let held = guardians
                .iter()
                .chain([&student["birthday"], &student["address"]]);
            for text in held.map(|value| value.as_str().expect("a text")) {
                assert!(!left.contains(text), "{text}");
            }
        }
    }
}
