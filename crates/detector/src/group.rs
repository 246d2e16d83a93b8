//! The detectors of a deployment, and the observations that they need.

use detect::{DETECTORS, Detector};
use model::Family;
use std::collections::BTreeSet;

/// Detectors that run together and share one durable consumer. All replicas of a deployment have the same group.
#[derive(Clone)]
pub struct Group {
    name: String,
    detectors: Vec<&'static dyn Detector>,
}

/// Why a group cannot be formed.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// No detector has this name.
    #[error("no such detector: {0:?}")]
    NoSuchDetector(String),
    /// No name was given.
    #[error("no detectors are chosen")]
    Empty,
}

impl Group {
    /// Returns the group of all detectors.
    pub fn all() -> Self {
        Self { name: "all".to_owned(), detectors: DETECTORS.to_vec() }
    }

    /// Returns the detectors of one family, as a group of its name.
    pub fn of_family(family: Family) -> Self {
        let of_family = |detector: &&dyn Detector| detector.family() == family;
        Self { name: family.as_str().to_owned(), detectors: DETECTORS.iter().copied().filter(of_family).collect() }
    }

    /// Returns the named detectors, as a group named after them.
    ///
    /// # Errors
    /// If a name is unknown, or none is given.
    pub fn of_detectors<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, GroupError> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let known = |name: &str| DETECTORS.iter().any(|detector| detector.name() == name);
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(GroupError::NoSuchDetector((*unknown).to_owned()));
        }
        let chosen = DETECTORS.iter().copied().filter(|detector| names.contains(detector.name()));
        let detectors: Vec<&'static dyn Detector> = chosen.collect();
        if detectors.is_empty() {
            return Err(GroupError::Empty);
        }
        let name = names.into_iter().collect::<Vec<_>>().join("-");
        Ok(Self { name, detectors })
    }

    /// Returns the name of the consumer that the replicas share.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the detectors of the group.
    pub fn detectors(&self) -> &[&'static dyn Detector] {
        &self.detectors
    }

    /// Returns the families of observations that the group reads.
    pub fn families(&self) -> BTreeSet<Family> {
        self.detectors.iter().map(|detector| detector.family()).collect()
    }

    /// Returns the group as the topology of streams and consumers declares it.
    pub fn declaration(&self) -> bus::DetectorGroup {
        let families = self.families().into_iter().map(|family| family.as_str().to_owned()).collect();
        bus::DetectorGroup { name: self.name.clone(), families }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_reads_the_families_of_its_detectors() {
        let group = Group::of_detectors(["row_spike", "off_hours"]).unwrap();
        assert_eq!(group.name(), "off_hours-row_spike");
        assert_eq!(group.families(), BTreeSet::from([Family::Volume, Family::Time]));
        assert!(Group::of_family(Family::Identity).detectors().len() > 2);
        assert_eq!(Group::all().families().len(), Family::ALL.len());
    }

    #[test]
    fn an_unknown_detector_is_refused() {
        assert!(
            matches!(Group::of_detectors(["row_spyke"]), Err(GroupError::NoSuchDetector(name)) if name == "row_spyke")
        );
        assert!(matches!(Group::of_detectors([]), Err(GroupError::Empty)));
    }
}
