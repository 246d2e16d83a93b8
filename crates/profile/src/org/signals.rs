//! What an org has from version 7 of the records on.

use super::apps::Apps;
use super::breadth::OrgBreadth;
use super::calibration::Calibrations;
use super::composition::Used;
use super::extremes::ClassPools;
use super::firsts::OrgFirsts;
use super::wake::Silences;
use super::work::OrgWork;
use model::Surface;
use serde::{Deserialize, Serialize};

/// What all profiles of an org have in common from version 7 on: a record of its own. The order of the fields is the
/// encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SharedSignals {
    /// Who uses which connected app.
    pub(crate) apps: Apps,
    /// How long accounts are silent.
    pub(crate) silences: Silences,
    /// What the org's people consume, and who works as others.
    pub(crate) work: OrgWork,
    /// Rows of the largest request of a day, by [`Surface`].
    pub(crate) largest: [ClassPools; Surface::ALL.len()],
    /// Record pages of a day.
    pub(crate) pages: ClassPools,
    pub(crate) calibrations: Calibrations,
    /// What first-time accesses read.
    pub(crate) firsts: OrgFirsts,
    /// What the org's accounts use.
    pub(crate) used: Used,
    /// How far reports and queries reach.
    pub(crate) breadth: OrgBreadth,
    /// Record pages a day of objects that the class hardly uses.
    pub(crate) rare_pages: ClassPools,
}
