//! Metrics as a scraper reads them: OpenMetrics text, checked to the letter of what we use of it.
//!
//! It does not know which metrics there are.

use std::collections::BTreeMap;

/// The suffixes of samples, by the type of their family.
const SUFFIXES: [(&str, &[&str]); 4] = [
    ("counter", &["_total"]),
    ("gauge", &[""]),
    ("info", &["_info"]),
    ("histogram", &["_bucket", "_count", "_sum"]),
];

/// What was read at one time.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Families by name, with their types.
    pub(crate) families: BTreeMap<String, String>,
    /// Samples by name and labels, as they are written.
    pub(crate) samples: BTreeMap<String, f64>,
}

/// A family whose lines are being read.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    helped: bool,
}

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        let (lines, end) = text.split_once("# EOF").expect("it ends with # EOF");
        assert_eq!(end, "\n", "nothing follows the end");
        let mut metrics = Self {
            families: BTreeMap::new(),
            samples: BTreeMap::new(),
        };
        let mut family = Family::default();
        for line in lines.lines() {
            match line.strip_prefix("# ") {
                Some(about) => metrics.describe(&mut family, about),
                None => metrics.sample(&family, line),
            }
        }
        metrics.check_histograms();
        metrics
    }

    fn describe(&mut self, family: &mut Family, about: &str) {
        let mut words = about.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("{about:?} is whole"));
        let (what, name, value) = (word(), word(), word());
        if family.name != name {
            assert_eq!(what, "HELP", "a family begins with its help: {about:?}");
            let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(named), "{name} is a name");
            *family = Family {
                name: name.to_owned(),
                ..Family::default()
            };
        }
        match what {
            "HELP" => {
                assert!(value.len() > 10 && value.ends_with('.'), "{about:?} helps");
                assert!(!family.helped, "{name} is helped once");
                family.helped = true;
            }
            "TYPE" => {
                value.clone_into(&mut family.kind);
                let before = self.families.insert(name.to_owned(), value.to_owned());
                assert_eq!(before, None, "{name} is there once");
            }
            "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{about:?}"),
            _ => panic!("{about:?} is no comment of OpenMetrics"),
        }
    }

    fn sample(&mut self, family: &Family, line: &str) {
        let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
        let value: f64 = value
            .parse()
            .unwrap_or_else(|_| panic!("{line:?} is a number"));
        let (base, labels) = name.split_once('{').unwrap_or((name, "}"));
        assert!(labels.ends_with('}'), "{line:?} has labels");
        for label in labels
            .trim_end_matches('}')
            .split("\",")
            .filter(|l| !l.is_empty())
        {
            let (_, value) = label.split_once("=\"").expect("a label has a value");
            assert!(!value.trim_end_matches('"').contains('"'), "{line:?}");
        }
        let kind = SUFFIXES.iter().find(|(kind, _)| *kind == family.kind);
        let (_, suffixes) = kind.unwrap_or_else(|| panic!("{line:?} has a type"));
        let suffix = base.strip_prefix(&family.name);
        let suffix = suffix.unwrap_or_else(|| panic!("{line:?} belongs to {}", family.name));
        assert!(suffixes.contains(&suffix), "{line:?} is a {}", family.kind);
        let before = self.samples.insert(name.to_owned(), value);
        assert_eq!(before, None, "{name} is there once");
    }

    /// Buckets only grow, and the last is the count.
    fn check_histograms(&self) {
        for name in self
            .families
            .iter()
            .filter(|(_, kind)| *kind == "histogram")
        {
            let name = name.0;
            let buckets = self.samples.iter().filter_map(|(sample, count)| {
                let bound = sample.strip_prefix(&format!("{name}_bucket{{le=\""))?;
                let bound = bound.strip_suffix("\"}")?.replace("+Inf", "inf");
                Some((bound.parse::<f64>().expect("a bound is a number"), *count))
            });
            let mut buckets: Vec<_> = buckets.collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(
                buckets.is_sorted_by_key(|(_, count)| *count),
                "{name}: {buckets:?}"
            );
            let last = buckets.last().expect("there are buckets");
            assert_eq!(*last, (f64::INFINITY, self.value(&format!("{name}_count"))));
        }
    }

    /// A sample by name and labels; 0 where its family has none with these labels yet.
    pub(crate) fn value(&self, sample: &str) -> f64 {
        let base = sample.split('{').next().unwrap_or_default();
        let known = self.families.iter().any(|(name, kind)| {
            let suffixes = SUFFIXES.iter().find(|(of, _)| of == kind);
            let suffixes = suffixes.map_or(&[][..], |(_, suffixes)| suffixes);
            base.strip_prefix(name.as_str())
                .is_some_and(|suffix| suffixes.contains(&suffix))
        });
        assert!(known, "there is no metric {base} in {:?}", self.families);
        self.samples.get(sample).copied().unwrap_or(0.0)
    }
}
