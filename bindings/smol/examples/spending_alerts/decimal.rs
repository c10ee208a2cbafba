//! Numbers with two decimals, exactly: amounts of money, and percentages.
//!
//! It does not know what they count.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;

/// Hundredths. In JSON it is a number that says all its digits, and is read from a string: what reads
/// JSON numbers takes them for binary fractions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Decimal(u64);

/// A text is no amount, and how one looks.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct NotDecimal;

impl Decimal {
    /// The most hundredths of an amount: 15 digits, which a page still has exactly when it has read
    /// them as a binary fraction.
    const MOST: u64 = 999_999_999_999_999;

    pub(crate) const fn of(whole: u64, hundredths: u64) -> Self {
        Self(whole * 100 + hundredths)
    }

    /// The sum, if that is still an amount.
    pub(crate) fn plus(self, more: Self) -> Option<Self> {
        let sum = self.0.checked_add(more.0)?;
        (sum <= Self::MOST).then_some(Self(sum))
    }

    /// How much of a whole this is, in percent: rounded down, so that it reaches a percentage no sooner
    /// than the amount does. Of nothing, everything is 100.
    pub(crate) fn percent_of(self, whole: Self) -> Self {
        let hundredths = u128::from(self.0) * 10_000;
        let percent = hundredths.checked_div(whole.0.into()).unwrap_or(10_000);
        Self(u64::try_from(percent).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{whole}"),
            _ if rest % 10 == 0 => write!(f, "{whole}.{}", rest / 10),
            _ => write!(f, "{whole}.{rest:02}"),
        }
    }
}

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(rest) || rest.is_empty() || rest.len() > 2 {
            return Err(NotDecimal);
        }
        let hundredths = format!("{whole}{rest:0<2}").parse();
        let hundredths = hundredths.ok().filter(|_| !whole.is_empty());
        let amount = hundredths.filter(|hundredths| *hundredths <= Self::MOST);
        amount.map(Self).ok_or(NotDecimal)
    }
}

impl fmt::Display for NotDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = Decimal(Decimal::MOST);
        write!(
            f,
            "an amount is digits, and after a point one or two more; at most {most}"
        )
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(self.to_string()).map_err(S::Error::custom)?;
        digits.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("it is an amount")
    }

    #[test]
    fn what_is_read_is_written() {
        for (text, hundredths, written) in [
            ("0", 0, "0"),
            ("267000", 26_700_000, "267000"),
            ("19.99", 1_999, "19.99"),
            ("0.1", 10, "0.1"),
            ("0.10", 10, "0.1"),
            ("0.01", 1, "0.01"),
            ("007.5", 750, "7.5"),
            ("9999999999999.99", Decimal::MOST, "9999999999999.99"),
        ] {
            let read = decimal(text);
            assert_eq!((read, &*read.to_string()), (Decimal(hundredths), written));
            let json = serde_json::to_string(&read).expect("it is a number");
            assert_eq!(json, written);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.234",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.2.3",
            " 1",
            "१",
            "10000000000000",
            "99999999999999999999999",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(NotDecimal), "{text:?}");
        }
        assert!(serde_json::from_str::<Decimal>("0.1").is_err(), "a string");
    }

    #[test]
    fn sums_are_exact_and_bounded() {
        let tenths = (0..10).try_fold(Decimal(0), |sum, _| sum.plus(decimal("0.1")));
        assert_eq!(tenths, Some(decimal("1")));
        assert_eq!(Decimal(Decimal::MOST).plus(Decimal(1)), None);
        assert_eq!(Decimal(1).plus(Decimal(u64::MAX)), None);
    }

    #[test]
    fn percentages_are_rounded_down() {
        for (part, whole, percent) in [
            ("267000", "200000", "133.5"),
            ("170000", "200000", "85"),
            ("169999.99", "200000", "84.99"),
            ("0.01", "9999999999999.99", "0"),
            ("9999999999999.99", "0.01", "99999999999999900"),
            ("1", "3", "33.33"),
            ("5", "0", "100"),
        ] {
            let found = decimal(part).percent_of(decimal(whole));
            assert_eq!(found.to_string(), percent, "{part} of {whole}");
        }
    }
}
