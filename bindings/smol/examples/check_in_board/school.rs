//! The school: who is where, and what may happen next.
//!
//! It does not know who is told. What happens is an event first: nothing changes but by
//! [`School::apply`], so that what is told and what is true are one.

use crate::display::{Display, Happened, Kind, ShownGroup, ShownStudent};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tidings_smol::server::ApiError;

/// A student, as the school knows them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Student {
    pub(crate) student_id: String,
    pub(crate) name: String,
    #[expect(dead_code, reason = "it is on file, and nobody is told")]
    birthday: String,
    #[expect(dead_code, reason = "it is on file, and nobody is told")]
    address: String,
    #[expect(dead_code, reason = "they are on file, and nobody is told")]
    guardians: Vec<String>,
}

/// Someone who supervises groups, or may.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Supervisor {
    pub(crate) user_id: String,
    pub(crate) sign_in: String,
    pub(crate) name: String,
    pub(crate) supervises: BTreeSet<String>,
}

/// A group, in its room.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) active_group_id: String,
    pub(crate) activity_name: String,
    pub(crate) room: String,
    pub(crate) is_active: bool,
    /// Who is there.
    pub(crate) students: BTreeSet<String>,
}

#[derive(Deserialize)]
struct File {
    staff: Vec<Supervisor>,
    groups: Vec<Group>,
    students: Vec<Student>,
}

/// Who is where.
pub(crate) struct School {
    staff: Vec<Supervisor>,
    groups: BTreeMap<String, Group>,
    students: BTreeMap<String, Student>,
}

impl School {
    /// As it is on an afternoon.
    pub(crate) fn load() -> Self {
        let file: File =
            serde_json::from_str(include_str!("school.json")).expect("the file is well-formed");
        let groups = file.groups.into_iter();
        let students = file.students.into_iter();
        Self {
            staff: file.staff,
            groups: groups
                .map(|group| (group.active_group_id.clone(), group))
                .collect(),
            students: students
                .map(|student| (student.student_id.clone(), student))
                .collect(),
        }
    }

    pub(crate) fn staff(&self) -> &[Supervisor] {
        &self.staff
    }

    pub(crate) fn signed_in_as(&self, name: &str) -> Option<&Supervisor> {
        self.staff.iter().find(|one| one.sign_in == name)
    }

    pub(crate) fn supervisor(&self, user_id: &str) -> Option<&Supervisor> {
        self.staff.iter().find(|one| one.user_id == user_id)
    }

    /// Who supervises a group from now on, and who does not.
    pub(crate) fn assign(
        &mut self,
        user_id: &str,
        group: &str,
        supervises: bool,
    ) -> Result<(), ApiError> {
        let group = self.group(group)?.active_group_id.clone();
        let one = self.staff.iter_mut().find(|one| one.user_id == user_id);
        let one = one.ok_or_else(|| ApiError::not_found("there is no such supervisor"))?;
        if supervises {
            one.supervises.insert(group);
        } else {
            one.supervises.remove(&group);
        }
        Ok(())
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub(crate) fn group(&self, id: &str) -> Result<&Group, ApiError> {
        let group = self.groups.get(id);
        group.ok_or_else(|| ApiError::not_found("there is no such group"))
    }

    fn student(&self, id: &str) -> Result<&Student, ApiError> {
        let student = self.students.get(id);
        student.ok_or_else(|| ApiError::not_found("there is no such student"))
    }

    pub(crate) fn shown(&self, group: &Group) -> ShownGroup {
        let visitors = group.students.iter().filter_map(|id| self.students.get(id));
        ShownGroup::of(group, visitors)
    }

    pub(crate) fn shown_students(&self) -> Vec<ShownStudent> {
        self.students.values().map(ShownStudent::of).collect()
    }

    /// A student comes to a group, and so leaves the one where they were. Coming twice is nothing new.
    pub(crate) fn check_in(&self, student: &str, group: &str) -> Result<Vec<Happened>, ApiError> {
        let (student, group) = (self.student(student)?, self.group(group)?);
        if !group.is_active {
            let message = format!("{} has not begun", group.activity_name);
            return Err(ApiError::new(StatusCode::CONFLICT, "not_active", message));
        }
        if group.students.contains(&student.student_id) {
            return Ok(Vec::new());
        }
        let before = self.groups.values();
        let before = before.filter(|other| other.students.contains(&student.student_id));
        let mut happened: Vec<_> = before
            .map(|other| Happened::to(Kind::StudentCheckout, student, other))
            .collect();
        happened.push(Happened::to(Kind::StudentCheckin, student, group));
        Ok(happened)
    }

    /// A student leaves a group. Who is not there is not missed.
    pub(crate) fn check_out(&self, student: &str, group: &str) -> Result<Vec<Happened>, ApiError> {
        let (student, group) = (self.student(student)?, self.group(group)?);
        let is_there = group.students.contains(&student.student_id);
        let out = is_there.then(|| Happened::to(Kind::StudentCheckout, student, group));
        Ok(out.into_iter().collect())
    }

    /// The activity of a group begins, unless it has.
    pub(crate) fn start_activity(&self, group: &str) -> Result<Vec<Happened>, ApiError> {
        let group = self.group(group)?;
        let start = (!group.is_active).then(|| Happened::in_activity(Kind::ActivityStart, group));
        Ok(start.into_iter().collect())
    }

    /// The activity of a group ends, if it runs, and all who were there have left.
    pub(crate) fn end_activity(&self, group: &str) -> Result<Vec<Happened>, ApiError> {
        let group = self.group(group)?;
        let end = group
            .is_active
            .then(|| Happened::in_activity(Kind::ActivityEnd, group));
        Ok(end.into_iter().collect())
    }

    /// It has happened.
    pub(crate) fn apply(&mut self, happened: &[Happened]) {
        happened.iter().for_each(|one| self.apply_one(one));
    }

    fn apply_one(&mut self, happened: &Happened) {
        let Some(group) = self.groups.get_mut(&happened.active_group_id) else {
            return;
        };
        match (happened.kind, &happened.data) {
            (Kind::StudentCheckin, Display::Student { student_id, .. }) => {
                group.students.insert(student_id.clone());
            }
            (Kind::StudentCheckout, Display::Student { student_id, .. }) => {
                group.students.remove(student_id);
            }
            (Kind::ActivityStart, _) => group.is_active = true,
            (Kind::ActivityEnd, _) => {
                group.is_active = false;
                group.students.clear();
            }
            _ => {}
        }
    }
}
