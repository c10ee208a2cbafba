//! What people may spend in a period, and what they have spent of it.
//!
//! It does not know who is told.

use crate::decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The accounts, by the number of their user.
pub(crate) struct Ledger(BTreeMap<u32, Account>);

/// What one user may spend, and has spent.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    pub(crate) is_active: bool,
    limit: Limit,
    spent: Decimal,
    period: Period,
}

/// What may be spent, and from what part of it on that is worth an alert.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Limit {
    pub(crate) max_limit: Decimal,
    /// From 1 to 100.
    pub(crate) alert_percentage: u8,
}

/// A time in which spending counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period {
    start: SystemTime,
    /// When the next begins.
    next: SystemTime,
}

/// Where an account stands, for whoever asks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    current_spending: Decimal,
    max_limit: Decimal,
    alert_percentage: u8,
    current_percentage: Decimal,
    is_alert: bool,
    periode_start: String,
    periode_end: String,
}

/// The same, as its user is told when it changes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    user_id: u32,
    current_spending: Decimal,
    max_spending: Decimal,
    alert_percentage: u8,
    current_percentage: Decimal,
    is_alert: bool,
    timestamp: String,
}

/// Why an account stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    Nothing,
    TooMuch,
    NoLimit,
    NoPercentage,
    OutsidePeriod,
}

impl Ledger {
    /// Some people to try it out with.
    pub(crate) fn demo(now: SystemTime) -> Self {
        let this = Period::month_of(now);
        let last = Period::month_of(this.start - Duration::from_secs(86_400));
        let account = |name, is_active, limit, spent, period| Account {
            name,
            is_active,
            limit: Limit {
                max_limit: Decimal::of(limit, 0),
                alert_percentage: 85,
            },
            spent,
            period,
        };
        Self(BTreeMap::from([
            (
                13,
                account("Sari", true, 200_000, Decimal::of(267_000, 0), this),
            ),
            (
                14,
                account("Budi", true, 500_000, Decimal::of(341_250, 50), this),
            ),
            (15, account("Dewi", false, 300_000, Decimal::of(0, 0), this)),
            (
                16,
                account("Agus", true, 300_000, Decimal::of(180_000, 0), last),
            ),
        ]))
    }

    pub(crate) fn get(&self, user: u32) -> Option<&Account> {
        self.0.get(&user)
    }

    pub(crate) fn get_mut(&mut self, user: u32) -> Option<&mut Account> {
        self.0.get_mut(&user)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Account)> {
        self.0.iter().map(|(user, account)| (*user, account))
    }
}

impl Account {
    /// Notes what was spent now.
    pub(crate) fn spend(&mut self, amount: Decimal, now: SystemTime) -> Result<(), Refused> {
        self.check_period(now)?;
        if amount == Decimal::default() {
            return Err(Refused::Nothing);
        }
        self.spent = self.spent.plus(amount).ok_or(Refused::TooMuch)?;
        Ok(())
    }

    pub(crate) fn set_limit(&mut self, limit: Limit, now: SystemTime) -> Result<(), Refused> {
        self.check_period(now)?;
        if limit.max_limit == Decimal::default() {
            return Err(Refused::NoLimit);
        }
        if !(1..=100).contains(&limit.alert_percentage) {
            return Err(Refused::NoPercentage);
        }
        self.limit = limit;
        Ok(())
    }

    pub(crate) fn status(&self, now: SystemTime) -> Status {
        Status {
            current_spending: self.spent,
            max_limit: self.limit.max_limit,
            alert_percentage: self.limit.alert_percentage,
            current_percentage: self.percentage(),
            is_alert: self.is_alert(now),
            periode_start: text(self.period.start),
            periode_end: text(self.period.next - Duration::from_millis(1)),
        }
    }

    /// What its user is told; nothing before and after the period.
    pub(crate) fn notification(&self, user_id: u32, now: SystemTime) -> Option<Notification> {
        self.check_period(now).ok()?;
        Some(Notification {
            user_id,
            current_spending: self.spent,
            max_spending: self.limit.max_limit,
            alert_percentage: self.limit.alert_percentage,
            current_percentage: self.percentage(),
            is_alert: self.is_alert(now),
            timestamp: text(now),
        })
    }

    fn percentage(&self) -> Decimal {
        self.spent.percent_of(self.limit.max_limit)
    }

    fn is_alert(&self, now: SystemTime) -> bool {
        let alert = Decimal::of(self.limit.alert_percentage.into(), 0);
        self.period.has(now) && self.percentage() >= alert
    }

    fn check_period(&self, now: SystemTime) -> Result<(), Refused> {
        let is_within = self.period.has(now);
        is_within.then_some(()).ok_or(Refused::OutsidePeriod)
    }
}

impl Period {
    /// The month of the calendar, in UTC.
    pub(crate) fn month_of(day: SystemTime) -> Self {
        let start = first_of_month(day);
        // From the first of any month, this is in the next.
        let next = first_of_month(start + Duration::from_secs(31 * 86_400));
        Self { start, next }
    }

    fn has(&self, time: SystemTime) -> bool {
        (self.start..self.next).contains(&time)
    }
}

fn first_of_month(day: SystemTime) -> SystemTime {
    let day = text(day);
    let first = format!("{}-01T00:00:00Z", &day[..7]);
    humantime::parse_rfc3339(&first).expect("a year and a month that were written")
}

/// As JSON has times: RFC 3339, with milliseconds.
fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

impl Refused {
    /// For programs, and for people.
    pub(crate) const fn says(self) -> (&'static str, &'static str) {
        match self {
            Self::Nothing => ("invalid_amount", "the amount must be more than 0"),
            Self::TooMuch => ("invalid_amount", "the sum is more than an account can have"),
            Self::NoLimit => ("invalid_limit", "the limit must be more than 0"),
            Self::NoPercentage => ("invalid_limit", "an alert is due at 1 to 100 percent"),
            Self::OutsidePeriod => (
                "outside_period",
                "the period of this limit is over, or has not begun; nothing counts now",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).expect("a time")
    }

    fn sari() -> Account {
        let now = at("2025-01-20T12:00:00Z");
        Ledger::demo(now).0.remove(&13).expect("she has an account")
    }

    fn json(value: impl Serialize) -> serde_json::Value {
        serde_json::to_value(value).expect("it is JSON")
    }

    #[test]
    fn status_and_notification_are_as_described() {
        let now = at("2025-01-20T09:09:05.915Z");
        let status = serde_json::to_string(&sari().status(now)).expect("it is JSON");
        let expected = r#"{"currentSpending":267000,"maxLimit":200000,"alertPercentage":85,"currentPercentage":133.5,"isAlert":true,"periodeStart":"2025-01-01T00:00:00.000Z","periodeEnd":"2025-01-31T23:59:59.999Z"}"#;
        assert_eq!(status, expected);
        let told = sari().notification(13, now).expect("it is her period");
        let expected = r#"{"userId":13,"currentSpending":267000,"maxSpending":200000,"alertPercentage":85,"currentPercentage":133.5,"isAlert":true,"timestamp":"2025-01-20T09:09:05.915Z"}"#;
        assert_eq!(serde_json::to_string(&told).ok().as_deref(), Some(expected));
    }

    #[test]
    fn outside_its_period_nothing_counts_and_nobody_is_told() {
        let mut account = sari();
        for (time, is_within) in [
            ("2024-12-31T23:59:59.999Z", false),
            ("2025-01-01T00:00:00Z", true),
            ("2025-01-31T23:59:59.999999Z", true),
            ("2025-02-01T00:00:00Z", false),
        ] {
            let now = at(time);
            assert_eq!(account.notification(13, now).is_some(), is_within, "{time}");
            assert_eq!(json(account.status(now))["isAlert"], is_within, "{time}");
            let spent = account.spend(Decimal::of(0, 1), now);
            let limit = account.set_limit(account.limit, now);
            let expected = is_within.then_some(()).ok_or(Refused::OutsidePeriod);
            assert_eq!((spent, limit), (expected, expected), "{time}");
        }
        assert_eq!(account.spent, Decimal::of(267_000, 2));
    }

    #[test]
    fn an_alert_begins_at_its_percentage() {
        let now = at("2025-01-20T12:00:00Z");
        let mut account = sari();
        account.spent = Decimal::of(169_999, 99);
        assert_eq!(json(account.status(now))["isAlert"], false);
        assert_eq!(account.spend(Decimal::of(0, 1), now), Ok(()));
        let status = json(account.status(now));
        let found = [&status["currentPercentage"], &status["isAlert"]];
        assert_eq!(json!(found), json!([85, true]));
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let now = at("2025-01-20T12:00:00Z");
        let mut account = sari();
        let before = json(account.status(now));
        assert_eq!(account.spend(Decimal::of(0, 0), now), Err(Refused::Nothing));
        let most = Decimal::of(9_999_999_999_999, 99);
        assert_eq!(account.spend(most, now), Err(Refused::TooMuch));
        for (max_limit, alert_percentage, refused) in [
            (0, 85, Refused::NoLimit),
            (1, 0, Refused::NoPercentage),
            (1, 101, Refused::NoPercentage),
        ] {
            let max_limit = Decimal::of(max_limit, 0);
            let limit = Limit {
                max_limit,
                alert_percentage,
            };
            assert_eq!(account.set_limit(limit, now), Err(refused));
        }
        assert_eq!(json(account.status(now)), before);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (day, start, next) in [
            (
                "2024-02-29T23:59:59Z",
                "2024-02-01T00:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
            (
                "2025-12-31T23:59:59Z",
                "2025-12-01T00:00:00Z",
                "2026-01-01T00:00:00Z",
            ),
            (
                "2025-04-01T00:00:00Z",
                "2025-04-01T00:00:00Z",
                "2025-05-01T00:00:00Z",
            ),
        ] {
            let month = Period::month_of(at(day));
            assert_eq!((month.start, month.next), (at(start), at(next)), "{day}");
        }
    }
}
