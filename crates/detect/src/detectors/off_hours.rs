//! `off_hours`: activity at hours at which neither the account nor its peers work.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{HourOfWeek, Observation};
use profile::tail;

detector! {
    /// Judges the hour of the week, against the account's rhythm shrunk to that of its class.
    OffHours = "off_hours", Time, ceiling 5.0,
    next "Ask the user about the hour, together with what was read; alone it needs no more.",
    Hour => odd
}

/// Names of the days of the week, from Monday as in [`HourOfWeek::hour`].
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn odd<'a>(hour: &'a HourOfWeek, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let surprise = tail::surprise(hour.share);
    Ok(Judgement::new(surprise, "", move || {
        let day = DAYS.get(hour.hour as usize / 24).copied().unwrap_or("some day");
        let time = format!("{day} {:02}:00", hour.hour % 24);
        Explanation {
            confidence: score::confidence(hour.days),
            summary: format!(
                "Worked on {day} from {:02}:00{}; it and its peers work at hours this unusual on {} of days ({} of history)",
                hour.hour % 24,
                work(hour),
                percent(hour.share),
                text::days(hour.days),
            ),
            features: vec![("hourOfWeek", time, 1.0)],
            measures: vec![
                ("share_of_days", hour.share),
                ("rows", hour.rows),
                ("requests", f64::from(hour.requests)),
                ("baseline_days", hour.days),
            ],
            ..Explanation::default()
        }
    }))
}

/// Words the work of the hour so far: ` (12 requests, 900 rows)`; empty at the hour's first activity.
fn work(hour: &HourOfWeek) -> String {
    let rows = if hour.rows > 0.0 { format!(", {} rows", text::count(hour.rows)) } else { String::new() };
    match hour.requests {
        0 | 1 if rows.is_empty() => String::new(),
        requests => format!(" ({}{rows})", text::number_of(requests, "request")),
    }
}

/// Writes a small share: `0.01 %`, `under 0.01 %`.
fn percent(share: f64) -> String {
    if share < 1e-4 { "under 0.01 %".to_owned() } else { format!("{:.2} %", 100.0 * share) }
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
    fn a_night_of_the_weekend_is_anomalous() {
        let finding = finding(&OffHours, hour(1e-4));
        insta::assert_snapshot!(finding.summary, @"Worked on Sunday from 03:00 (12 requests, 900 rows); it and its peers work at hours this unusual on 0.01 % of days (60 days of history)");
    }

    #[test]
    fn a_late_evening_is_normal() {
        assert_eq!(verdict(&OffHours, hour(0.02)), Verdict::Normal);
    }
}
