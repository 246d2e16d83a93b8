//! Activity at hours at which neither the account nor its peers work.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score};
use model::{HourOfWeek, Observation};
use profile::tail;

detector! {
    /// The hour of the week, against the account's rhythm shrunk to that of its class.
    OffHours = "off_hours", Time, ceiling 5.0,
    Hour => odd
}

fn odd(hour: &HourOfWeek, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    let surprise = tail::surprise(hour.share);
    if surprise < settings.raise_at("off_hours") {
        return Ok(Judgement::quiet(surprise));
    }
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let day = DAYS.get(hour.hour as usize / 24).copied().unwrap_or("some day");
    let time = format!("{day} {:02}:00", hour.hour % 24);
    Ok(Judgement {
        surprise,
        confidence: score::confidence(hour.days),
        summary: format!("active on {time}, an hour at which this account and its peers do not work"),
        features: vec![("hourOfWeek", time, 1.0)],
        measures: vec![
            ("share_of_days", hour.share),
            ("rows", hour.rows),
            ("requests", f64::from(hour.requests)),
            ("baseline_days", hour.days),
        ],
        ..Judgement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn hour(share: f64) -> Feature {
        Feature::Hour(HourOfWeek { hour: 6 * 24 + 3, share, days: 60.0, rows: 900.0, requests: 12 })
    }

    #[test]
    fn the_night_to_monday() {
        let finding = finding(&OffHours, hour(1e-4));
        insta::assert_snapshot!(finding.summary, @"active on Sunday 03:00, an hour at which this account and its peers do not work");
    }

    #[test]
    fn a_late_evening_is_normal() {
        assert_eq!(verdict(&OffHours, hour(0.02)), Verdict::Normal);
    }
}
