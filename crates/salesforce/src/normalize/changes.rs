//! Normalizes changes of permissions.

use crate::field::Field;
use crate::record::Record;
use model::{Activity, Outcome};

/// Keeps the permissions and the users concerned as attributes, of which long ones are cut.
pub(super) fn permission_set(record: &Record<'_>, activity: &mut Activity) {
    let fields = [
        (Field::PermissionType, "PermissionType"),
        (Field::PermissionList, "PermissionList"),
        (Field::ParentNameList, "ParentNameList"),
        (Field::ImpactedUserIds, "ImpactedUserIds"),
        (Field::UserCount, "UserCount"),
        (Field::HasExternalUsers, "HasExternalUsers"),
    ];
    activity.attributes.extend(fields.iter().filter_map(|(field, name)| record.attribute(*field, name)));
    if activity.outcome == Outcome::Unknown {
        activity.outcome = Outcome::Success;
    }
}
