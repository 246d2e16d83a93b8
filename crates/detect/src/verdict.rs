//! What a detector says of an observation: anomalous, normal, or why it cannot judge.

use model::Finding;

/// One detector's answer for one feature of an observation.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Stands out, or did until the org's day explained it: then the finding is marked as withdrawn.
    Anomalous(Box<Finding>),
    /// Below the surprise at which the detector raises findings.
    Normal,
    /// Cannot be judged, for the given reason.
    Unscoreable(Unscoreable),
}

/// Why something could not be judged. It is never a silent zero: callers count each one by its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Unscoreable {
    /// Too little was learned of the account; for rows, of its peers, too.
    #[error("no baseline: the account has too few active days")]
    NoBaseline,
    /// Salesforce sent an anomaly event and left its score out.
    #[error("threat detection event without a score")]
    NoNativeScore,
    /// Salesforce sent a score that the event's scale does not allow.
    #[error("threat detection score outside its scale")]
    NativeScoreOutOfScale,
}
