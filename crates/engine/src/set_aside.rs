//! Activities that a partition sets aside, and when they are so many that people must know.

use model::operational::Unseen;
use model::time::HOUR;
use model::{Finding, OrgId, Timestamp};
use profile::ActivityOutcome;
use std::collections::BTreeMap;

/// Counts, for each org and hour of receipt, the activities that were set aside because of their time.
#[derive(Debug, Default)]
pub struct SetAside {
    orgs: BTreeMap<OrgId, Hour>,
}

#[derive(Debug)]
struct Hour {
    start: Timestamp,
    activities: u64,
    /// By outcome: the number, and whether a finding reports it.
    aside: BTreeMap<ActivityOutcome, (u64, bool)>,
}

/// What is to be said of an activity that was set aside.
#[derive(Debug)]
pub enum Remark {
    /// It is the first of its org, hour and reason.
    First,
    /// With it they are too many: a finding of the org.
    Many(Box<Finding>),
}

impl SetAside {
    /// Activities of an hour from which on a finding is made. A choice: fewer may be a test.
    const LEAST: u64 = 100;
    /// Share of an hour's activities from which on a finding is made. A choice: one in five, more than a source sends
    /// again after it was interrupted.
    const SHARE: f64 = 0.2;

    /// Counts an activity that was received at `received_at`. Returns what is to be said of it, if anything.
    pub fn note(&mut self, org: &OrgId, outcome: ActivityOutcome, received_at: Timestamp) -> Option<Remark> {
        let start = Timestamp(received_at.0.div_euclid(HOUR).saturating_mul(HOUR));
        let new = || Hour { start, activities: 0, aside: BTreeMap::new() };
        let hour = match self.orgs.get_mut(org) {
            Some(hour) => hour,
            None => self.orgs.entry(org.clone()).or_insert_with(new),
        };
        if hour.start < start {
            *hour = new();
        }
        hour.activities += 1;
        let reason = reason(outcome)?;
        let (count, is_reported) = hour.aside.entry(outcome).or_default();
        *count += 1;
        let is_many = *count >= Self::LEAST && *count as f64 >= Self::SHARE * hour.activities as f64;
        if is_many && !*is_reported {
            *is_reported = true;
            let summary = format!("at least {count} events of this hour were set aside: {reason}");
            let subject = format!("set_aside/{}", outcome.as_str());
            let unseen = Unseen { subject: &subject, since: hour.start, noticed: received_at, score: 6.0, summary };
            return Some(Remark::Many(Box::new(unseen.finding(org, 1, received_at))));
        }
        (*count == 1).then_some(Remark::First)
    }
}

/// Returns why activities of this outcome are set aside; `None` if they are not, or only as copies.
fn reason(outcome: ActivityOutcome) -> Option<&'static str> {
    match outcome {
        ActivityOutcome::Forgotten => {
            Some("they are older than profile.identity_hours behind the org's latest event; send history first")
        }
        ActivityOutcome::Future => Some("they are dated more than 5 minutes after they were received"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::time::MINUTE;

    fn findings(
        aside: &mut SetAside,
        from: Timestamp,
        outcomes: impl Iterator<Item = ActivityOutcome>,
    ) -> Vec<Finding> {
        let org = OrgId::new("00Dhn0000018hrcEAA");
        let remark = |(n, outcome)| aside.note(&org, outcome, from.plus(n));
        (0..)
            .zip(outcomes)
            .filter_map(remark)
            .filter_map(|remark| match remark {
                Remark::First => None,
                Remark::Many(finding) => Some(*finding),
            })
            .collect()
    }

    fn mixed(every: usize, count: usize) -> impl Iterator<Item = ActivityOutcome> {
        let outcome = move |n| if n % every == 0 { ActivityOutcome::Forgotten } else { ActivityOutcome::Learned };
        (0..count).map(outcome)
    }

    #[test]
    fn a_fifth_of_an_hour_is_reported_once() {
        let start = Timestamp(5 * HOUR + 7 * MINUTE);
        let mut aside = SetAside::default();
        let found = findings(&mut aside, start, mixed(5, 20_000));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].summary,
            "at least 100 events of this hour were set aside: they are older than profile.identity_hours behind the \
             org's latest event; send history first"
        );
        let next = findings(&mut aside, start.plus(HOUR), mixed(2, 400));
        assert_eq!(next.len(), 1);
        assert_ne!(next[0].finding_id, found[0].finding_id);
    }

    #[test]
    fn the_finding_says_how_many_there_were() {
        let outcomes = (0..2_000).map(|n| match n < 1_000 {
            true => ActivityOutcome::Learned,
            false => ActivityOutcome::Future,
        });
        let found = findings(&mut SetAside::default(), Timestamp(0), outcomes);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].summary.starts_with("at least 250 events of this hour were set aside"),
            "{}",
            found[0].summary
        );
    }

    #[test]
    fn few_are_only_remarked() {
        let mut aside = SetAside::default();
        let org = OrgId::new("00Dhn0000018hrcEAA");
        let mut note = |outcome| aside.note(&org, outcome, Timestamp(0));
        assert!(note(ActivityOutcome::Late).is_none());
        assert!(matches!(note(ActivityOutcome::Future), Some(Remark::First)));
        assert!(note(ActivityOutcome::Future).is_none());
        assert!(matches!(note(ActivityOutcome::Forgotten), Some(Remark::First)));
        assert_eq!(findings(&mut SetAside::default(), Timestamp(0), mixed(1, 99)), []);
        assert_eq!(findings(&mut SetAside::default(), Timestamp(0), mixed(6, 20_000)), []);
    }
}
