//! Which detectors a deployment runs, and which observations it must read for them.

use detect::{DETECTORS, Detector};
use model::Family;
use std::collections::BTreeSet;

/// Detectors that run together and share one consumer. Replicas of a deployment have the same group.
#[derive(Clone)]
pub struct Group {
    name: String,
    detectors: Vec<&'static dyn Detector>,
}

#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    #[error("no such detector: {0:?}")]
    NoSuchDetector(String),
    #[error("no detectors are chosen")]
    Empty,
}

impl Group {
    /// Every detector, in one group.
    pub fn all() -> Self {
        Self { name: "all".to_owned(), detectors: DETECTORS.to_vec() }
    }

    /// The detectors of one family, under its name.
    pub fn of_family(family: Family) -> Self {
        let of_family = |detector: &&dyn Detector| detector.family() == family;
        Self { name: family.as_str().to_owned(), detectors: DETECTORS.iter().copied().filter(of_family).collect() }
    }

    /// The detectors named, under their names.
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

    /// Names the consumer that the group's replicas share.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn detectors(&self) -> &[&'static dyn Detector] {
        &self.detectors
    }

    pub fn families(&self) -> BTreeSet<Family> {
        self.detectors.iter().map(|detector| detector.family()).collect()
    }

    /// What the topology needs to know.
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
    fn what_is_not_known_is_refused() {
        assert!(
            matches!(Group::of_detectors(["row_spyke"]), Err(GroupError::NoSuchDetector(name)) if name == "row_spyke")
        );
        assert!(matches!(Group::of_detectors([]), Err(GroupError::Empty)));
    }
}
