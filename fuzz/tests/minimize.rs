//! What fails gets as small as it can be, and still fails.

use tidings_fuzz::minimize::{Smaller, minimize};
use tidings_fuzz::play::Fault;
use tidings_fuzz::world::story::{Deed, Story};

/// Numbers that must not rise above a limit when they are added up.
#[derive(Clone, PartialEq, Debug)]
struct Sum {
    limit: u32,
    numbers: Vec<u32>,
}

impl Smaller for Sum {
    fn fault(&self) -> Option<Fault> {
        let mut sum = 0;
        let step = self.numbers.iter().position(|number| {
            sum += number;
            sum > self.limit
        })?;
        Some(Fault {
            step,
            operation: None,
            sentence: format!("{sum}"),
        })
    }

    fn steps(&self) -> usize {
        self.numbers.len()
    }

    fn without(&self, from: usize, to: usize) -> Self {
        let mut sum = self.clone();
        sum.numbers.drain(from..to);
        sum
    }

    fn simpler(&self, place: usize) -> Vec<Self> {
        let mut sum = self.clone();
        sum.numbers[place] = sum.numbers[place].saturating_sub(1);
        vec![sum].into_iter().filter(|sum| sum != self).collect()
    }

    fn plainer(&self) -> Vec<Self> {
        let limit = self.limit.max(10);
        let plain = Self {
            limit,
            ..self.clone()
        };
        vec![plain].into_iter().filter(|sum| sum != self).collect()
    }
}

#[test]
fn a_list_gets_as_short_and_as_simple_as_it_can_be() {
    let numbers = (0..100).map(|number| number % 8).collect();
    let (smallest, fault) = minimize(Sum { limit: 9, numbers });
    assert_eq!(fault.expect("it still fails").sentence, "10");
    assert_eq!(smallest.numbers.iter().sum::<u32>(), 10);
    for place in 0..smallest.steps() {
        assert!(smallest.without(place, place + 1).fault().is_none());
        assert!(
            smallest
                .simpler(place)
                .iter()
                .all(|one| one.fault().is_none())
        );
    }
}

#[test]
fn what_holds_stays_as_it_is() {
    let sum = Sum {
        limit: 3,
        numbers: vec![1, 2],
    };
    let (same, fault) = minimize(sum.clone());
    assert!(fault.is_none());
    assert_eq!(same, sum);
}

/// When each publish of a story is.
fn publishes(story: &Story) -> Vec<u32> {
    let mut now = 0;
    let times = story.doings.iter().filter_map(|doing| {
        now += doing.after_ms;
        let then = now;
        if let Deed::Wait { ms } = doing.deed {
            now += u32::from(ms);
        }
        matches!(doing.deed, Deed::Publish { .. }).then_some(then)
    });
    times.collect()
}

#[test]
fn without_some_doings_the_others_come_when_they_did() {
    let story = Story::of_seed(3, 60);
    let all = publishes(&story);
    for from in 0..60 {
        let some = publishes(&story.without(from, (from + 9).min(60)));
        assert!(
            some.iter().all(|time| all.contains(time)),
            "{from}: {some:?}"
        );
        assert!(some.len() + 9 >= all.len());
    }
}
