//! Values survive the wire and JSON unchanged.

use crate::strategies::{JSON, WIRE, activity, finding, incident, observation};
use model::codec::Message;
use model::{Finding, Incident, UserId};
use proptest::prelude::*;
use std::fmt::Debug;

fn survives<M: Message + PartialEq + Debug>(message: &M) -> Result<(), TestCaseError> {
    let bytes = message.encode();
    let back = M::decode(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&back, message);
    prop_assert_eq!(back.encode(), bytes, "one value has one encoding");
    Ok(())
}

proptest! {
    #[test]
    fn activities_survive_the_wire(activity in activity()) {
        survives(&activity)?;
    }

    #[test]
    fn observations_survive_the_wire(observation in observation()) {
        survives(&observation)?;
    }

    #[test]
    fn findings_survive_the_wire(finding in finding(WIRE)) {
        survives(&finding)?;
    }

    #[test]
    fn incidents_survive_the_wire(incident in incident(WIRE)) {
        survives(&incident)?;
    }

    #[test]
    fn findings_survive_json(finding in finding(JSON)) {
        let json = serde_json::to_string(&finding).unwrap();
        prop_assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }

    #[test]
    fn incidents_survive_json(incident in incident(JSON)) {
        let json = serde_json::to_string(&incident).unwrap();
        prop_assert_eq!(serde_json::from_str::<Incident>(&json).unwrap(), incident);
    }

    #[test]
    fn a_damaged_message_decodes_to_a_stable_value(finding in finding(WIRE), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = finding.encode();
        let at = at.index(bytes.len());
        bytes.splice(at..=at, [byte]);
        if let Ok(damaged) = Finding::decode(&bytes) {
            let once = damaged.encode();
            let again = Finding::decode(&once).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(again.encode(), once);
        }
    }
}

#[test]
fn an_id_from_a_username_of_fifteen_letters_is_stable() {
    let user = UserId::from_username("IntegrationUser");
    assert_eq!(user.as_str().len(), 18);
    assert_eq!(UserId::new(user.as_str()), user);
    assert_eq!(UserId::from_username(" integrationuser "), user);
}
