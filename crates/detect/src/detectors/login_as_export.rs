//! An administrator who takes data under somebody else's name.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Delegated, Observation};
use profile::tail;

detector! {
    /// Rows and exports in a session opened by LoginAs, against what such sessions of the org bring.
    LoginAsExport = "login_as_export", Identity, ceiling 9.0,
    Delegated => export
}

/// Chance that somebody exports while helping out.
const EXPORT: f64 = 0.02;

fn export(work: &Delegated, _: &Observation, _: &Settings) -> Result<Judgement, Unscoreable> {
    let rows = tail::at_least(&work.usual, work.rows);
    let exports = match work.exports {
        0 => 1.0,
        n => EXPORT * 0.1f64.powi(n.min(5) as i32 - 1),
    };
    let told = match work.exports {
        0 => String::new(),
        n => format!(" and {}", text::number_of(n, "export")),
    };
    Ok(Judgement {
        surprise: tail::surprise(tail::both(rows, exports)),
        confidence: score::confidence(work.usual.evidence),
        summary: format!("{} logged in as this user: {} rows{told}", work.delegate, text::count(work.rows)),
        features: vec![
            ("rowCount", format!("{:.0}", work.rows), tail::surprise(rows)),
            ("exports", work.exports.to_string(), tail::surprise(exports)),
        ],
        measures: vec![
            ("rows", work.rows),
            ("exports", f64::from(work.exports)),
            ("requests", f64::from(work.requests)),
            ("sessions_seen", work.usual.evidence),
        ],
        evidence: work.evidence.clone(),
        ..Judgement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Usual};

    fn work(rows: f64, exports: u32) -> Feature {
        let usual = Usual { location: 3.5, scale: 1.2, degrees: 30.0, evidence: 25.0, ..Usual::default() };
        Feature::Delegated(Delegated {
            delegate: "admin@x.com".into(),
            rows,
            exports,
            requests: 4,
            usual,
            evidence: vec![],
        })
    }

    #[test]
    fn exports_under_another_name() {
        let finding = finding(&LoginAsExport, work(12_000.0, 3));
        assert!(finding.score > 8.0);
        insta::assert_snapshot!(finding.summary, @"admin@x.com logged in as this user: 12,000 rows and 3 exports");
    }

    #[test]
    fn helping_out_is_normal() {
        assert_eq!(verdict(&LoginAsExport, work(60.0, 0)), Verdict::Normal);
        assert_eq!(verdict(&LoginAsExport, work(60.0, 1)), Verdict::Normal);
    }
}
