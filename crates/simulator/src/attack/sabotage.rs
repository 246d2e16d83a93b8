//! Attack families of orgs that write: destroying data, and reading beneath usual writes.

use super::scene::{Scene, full_query};
use crate::account::Class;
use crate::behavior::writing::{self, Habit};
use crate::calendar::{HOUR, MINUTE};
use crate::event::{Api, WriteOperation};
use crate::script::{BULK, SOAP};

/// Deletes records of the account's own objects, a part of them for good.
pub(super) fn mass_deletion(scene: &mut Scene<'_>) {
    let records = scene.scale(1_500.0, 60_000.0);
    let for_good = scene.dice.chance(0.3);
    let operation = if for_good { WriteOperation::HardDelete } else { WriteOperation::Delete };
    let api = if for_good { &BULK } else { api_of(scene) };
    destroy(scene, operation, api, records);
    scene.note = format!("{records:.0} records deleted{}", if for_good { " for good" } else { "" });
}

/// Overwrites records of the account's own objects, as in a transfer to another owner.
pub(super) fn mass_change(scene: &mut Scene<'_>) {
    let records = scene.scale(8_000.0, 400_000.0);
    let api = api_of(scene);
    destroy(scene, WriteOperation::Update, api, records);
    scene.note = format!("{records:.0} records overwritten");
}

/// Reads many records through the Bulk API, shortly after the account has written as it does every night.
pub(super) fn theft_under_writes(scene: &mut Scene<'_>) {
    let Some(nightly) = Habit::of(scene.world, scene.account).nightly else { return };
    let factor = scene.scale(4.0, 50.0);
    let records = scene.usual_rows * factor;
    let object = writing::object(scene.persona);
    let session = scene.session.clone();
    scene.at = scene.today.midnight + HOUR + 40 * MINUTE;
    let queries = scene.count(2, 6);
    for at in scene.times(queries, (5, 30)) {
        let rows = records / f64::from(queries);
        scene.perform(|script| {
            let done = script.query(at, &session, &full_query(object), &BULK, rows);
            script.bulk_result(done + 20_000, &session, &full_query(object), rows);
        });
    }
    scene.note = format!("{factor:.1} times the rows of a usual day, after the nightly upsert of about {nightly:.0}");
}

fn api_of(scene: &Scene<'_>) -> &'static Api {
    if scene.account.class == Class::Integration { &BULK } else { &SOAP }
}

fn destroy(scene: &mut Scene<'_>, operation: WriteOperation, api: &'static Api, records: f64) {
    let object = writing::object(scene.persona);
    let session = scene.session.clone();
    let jobs = scene.count(1, 4);
    for at in scene.times(jobs, (5, 60)) {
        scene.perform(|script| script.write(at, &session, (operation, object), api, records / f64::from(jobs)));
    }
}
