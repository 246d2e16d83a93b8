//! How many pushes are processed at once, and how many bytes their bodies have: in all, and of each org.

use super::answer::Refusal;
use crate::Settings;
use model::OrgId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places of pushes. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places {
    limits: Limits,
    used: Arc<Mutex<Used>>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    places: u32,
    places_of_org: u32,
    bytes: u64,
    bytes_of_org: u64,
}

#[derive(Debug, Default)]
struct Used {
    all: Share,
    /// Only orgs that have a place.
    by_org: HashMap<OrgId, Share>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    places: u32,
    bytes: u64,
}

/// The place of one push, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    org: OrgId,
    bytes: u64,
}

impl Places {
    pub(super) fn new(settings: &Settings) -> Self {
        let limits = Limits {
            places: settings.max_requests,
            places_of_org: settings.max_requests_per_org,
            bytes: settings.max_held_bytes,
            // Half, so that one org cannot hold up the others.
            bytes_of_org: (settings.max_held_bytes / 2).max(settings.max_body_bytes),
        };
        Self { limits, used: Arc::default() }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// Which limit is reached.
    pub(super) fn take(&self, org: &OrgId) -> Result<Place, Refusal> {
        let mut used = self.used();
        let of_org = used.by_org.get(org).copied().unwrap_or_default();
        if of_org.places >= self.limits.places_of_org {
            return Err(Refusal::OrgIsBusy(self.limits.places_of_org));
        }
        if used.all.places >= self.limits.places {
            return Err(Refusal::AllAreBusy(self.limits.places));
        }
        used.all.places += 1;
        used.by_org.entry(org.clone()).or_default().places += 1;
        Ok(Place { places: self.clone(), org: org.clone(), bytes: 0 })
    }

    /// Returns how many are taken.
    #[cfg(test)]
    pub(super) fn count(&self) -> u32 {
        self.used().all.places
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        // No change under this lock can be interrupted halfway.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts further bytes of the body.
    ///
    /// # Errors
    /// Which limit is reached; the bytes are then not counted.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let (bytes, limits) = (bytes as u64, self.places.limits);
        let mut used = self.places.used();
        let of_org = used.by_org.get(&self.org).copied().unwrap_or_default();
        if of_org.bytes + bytes > limits.bytes_of_org {
            return Err(Refusal::OrgIsFull(limits.bytes_of_org));
        }
        if used.all.bytes + bytes > limits.bytes {
            return Err(Refusal::AllIsFull(limits.bytes));
        }
        used.all.bytes += bytes;
        used.by_org.entry(self.org.clone()).or_default().bytes += bytes;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut used = self.places.used();
        used.all.places -= 1;
        used.all.bytes -= self.bytes;
        if let Some(of_org) = used.by_org.get_mut(&self.org) {
            of_org.places -= 1;
            of_org.bytes -= self.bytes;
            if of_org.places == 0 {
                used.by_org.remove(&self.org);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(max_requests: u32, max_requests_per_org: u32) -> Places {
        let bytes = Settings { max_held_bytes: 100, max_body_bytes: 20, ..Settings::default() };
        Places::new(&Settings { max_requests, max_requests_per_org, ..bytes })
    }

    fn org(name: &str) -> OrgId {
        OrgId::new(name)
    }

    #[test]
    fn one_org_cannot_take_all_places() {
        let places = places(3, 2);
        let of_one = [places.take(&org("one")).unwrap(), places.take(&org("one")).unwrap()];
        assert!(matches!(places.take(&org("one")), Err(Refusal::OrgIsBusy(2))));
        let of_two = places.take(&org("two")).unwrap();
        assert!(matches!(places.take(&org("two")), Err(Refusal::AllAreBusy(3))));
        drop(of_one);
        let again = places.take(&org("two")).unwrap();
        drop((of_two, again));
        assert!(places.used().by_org.is_empty() && places.used().all.places == 0);
    }

    #[test]
    fn one_org_cannot_take_all_bytes() {
        let places = places(9, 9);
        let mut of_one = places.take(&org("one")).unwrap();
        of_one.grow(50).unwrap();
        assert!(matches!(of_one.grow(1), Err(Refusal::OrgIsFull(50))));
        let (mut of_two, mut of_three) = (places.take(&org("two")).unwrap(), places.take(&org("three")).unwrap());
        of_two.grow(30).unwrap();
        assert!(matches!(of_three.grow(21), Err(Refusal::AllIsFull(100))));
        of_three.grow(20).unwrap();
        drop(of_one);
        of_two.grow(20).unwrap();
        drop((of_two, of_three));
        assert_eq!(places.used().all.bytes, 0);
    }
}
