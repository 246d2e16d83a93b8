//! Detectors, and how well they do.

use detect::Detector;
use model::{OrgId, Timestamp};
use profile::Credited;
use serde::Serialize;
use store::{Disposition, Raised};
use utoipa::ToSchema;

use super::time;

/// A detector.
#[derive(Serialize, ToSchema)]
#[schema(as = Detector)]
pub(crate) struct DetectorBody {
    /// Its name.
    pub(crate) name: String,
    /// Its group.
    pub(crate) family: String,
    /// The highest score of its findings, 0 to 10.
    pub(crate) ceiling: f64,
    /// What to do first about its findings.
    pub(crate) next_step: String,
    /// How many incidents of the session's orgs have findings of it.
    #[schema(minimum = 0)]
    pub(crate) incidents: u64,
    /// The highest risk of them, 0 to 100.
    pub(crate) highest_risk: f64,
}

impl DetectorBody {
    pub(crate) fn of(detector: &dyn Detector, counted: Option<&store::Counted>) -> Self {
        Self {
            name: detector.name().to_owned(),
            family: detector.family().as_str().to_owned(),
            ceiling: detector.ceiling(),
            next_step: detector.next_step().to_owned(),
            incidents: counted.map_or(0, |counted| counted.incidents),
            highest_risk: counted.map_or(0.0, |counted| counted.highest_risk.to_f64()),
        }
    }
}

/// How well a detector does in an org.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScoreCard {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// The detector.
    pub(crate) detector: String,
    /// Start of the span that is counted, in event time.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Its end.
    #[schema(format = DateTime)]
    pub(crate) to: String,
    /// The incidents of the span that have findings of the detector.
    pub(crate) incidents: JudgedIncidents,
    /// Its weight in the risk of incidents, by the settings in force: 0 to 1.
    pub(crate) weight: f64,
    /// What people's dispositions say of it, by class; a class of which nobody has judged an incident is left out.
    pub(crate) precision: Vec<PrecisionBody>,
    /// The closed days of all accounts in the span.
    #[schema(minimum = 0)]
    pub(crate) user_days: u64,
    /// How often it was surprised on them, next to what chance would make of it. The two differ also for a detector that is
    /// well calibrated: of several tests of a day the largest counts, the days of an attack count each, and a day on which
    /// the detector had nothing to judge counts as one without a surprise.
    pub(crate) calibration: Vec<Calibrated>,
}

/// Incidents by what people decided that they were.
#[derive(Serialize, ToSchema)]
pub(crate) struct JudgedIncidents {
    /// Nobody has said what they were.
    #[schema(minimum = 0)]
    pub(crate) unjudged: u64,
    /// Attacks.
    #[schema(minimum = 0)]
    pub(crate) malicious: u64,
    /// Perhaps attacks.
    #[schema(minimum = 0)]
    pub(crate) suspicious: u64,
    /// As described, and no attacks.
    #[schema(minimum = 0)]
    pub(crate) benign: u64,
    /// Wrongly described.
    #[schema(minimum = 0)]
    pub(crate) false_positive: u64,
}

/// What people's dispositions say of a detector for a class of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrecisionBody {
    /// normal, power, admin, integration or guest.
    pub(crate) user_class: String,
    /// Malicious incidents, each counted by the detector's share of its points, less with each day of 90.
    pub(crate) right: f64,
    /// Benign ones and false positives, counted in the same way.
    pub(crate) wrong: f64,
    /// How often the detector is right, by these: 0 to 1.
    pub(crate) precision: f64,
    /// The factor on its weight that follows: .5 to 1.25.
    pub(crate) factor: f64,
}

/// How often a surprise was reached.
#[derive(Serialize, ToSchema)]
pub(crate) struct Calibrated {
    /// The surprise, −log10 p.
    pub(crate) surprise: u32,
    /// The days on which one calibrated test would reach it by chance, if it judged every day: `user_days` times p.
    pub(crate) expected_days: f64,
    /// The days on which it did, attacks included.
    #[schema(minimum = 0)]
    pub(crate) days: u64,
}

impl ScoreCard {
    pub(crate) fn of(
        (org, detector): (&OrgId, &str),
        (from, to): (Timestamp, Timestamp),
        raised: &Raised,
        (weight, credited): (f64, &[Credited]),
    ) -> Self {
        let incidents = |of: Option<Disposition>| raised.incidents.get(&of).copied().unwrap_or(0);
        let calibrated = |(surprise, days): (u32, &u64)| Calibrated {
            surprise,
            expected_days: raised.user_days as f64 / 10u64.pow(surprise) as f64,
            days: *days,
        };
        Self {
            org_id: org.to_string(),
            detector: detector.to_owned(),
            from: time(from),
            to: time(to),
            incidents: JudgedIncidents {
                unjudged: incidents(None),
                malicious: incidents(Some(Disposition::Malicious)),
                suspicious: incidents(Some(Disposition::Suspicious)),
                benign: incidents(Some(Disposition::Benign)),
                false_positive: incidents(Some(Disposition::FalsePositive)),
            },
            weight,
            precision: credited.iter().filter(|one| one.detector == detector).map(PrecisionBody::from).collect(),
            user_days: raised.user_days,
            calibration: (1..).zip(&raised.surprised).map(calibrated).collect(),
        }
    }
}

impl From<&Credited> for PrecisionBody {
    fn from(credited: &Credited) -> Self {
        let Credited { user_class, credit, .. } = credited;
        Self {
            user_class: user_class.as_str().to_owned(),
            right: credit.right,
            wrong: credit.wrong,
            precision: credit.precision(),
            factor: credit.factor(),
        }
    }
}
