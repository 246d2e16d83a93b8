//! What a detector says of an observation: anomalous, normal, or why it cannot tell.

use model::Finding;

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Anomalous(Box<Finding>),
    Normal,
    Unscoreable(Unscoreable),
}

/// Why something could not be judged. Never a silent zero: every one is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Unscoreable {
    #[error("first active day of the account, and no population to lean on")]
    NoBaseline,
    #[error("threat detection event without a score")]
    NoNativeScore,
    #[error("threat detection score outside its scale")]
    NativeScoreOutOfScale,
}
