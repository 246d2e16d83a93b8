//! The objects of users, permissions, the org itself and log files.

use super::{Class, Field, Object};

/// Returns the objects of users, permissions and the org.
pub(crate) fn standard() -> Vec<Object> {
    let object = |(name, fields): &(&str, &str)| Object::new(name, Class::Standard, Field::list(fields));
    STANDARD.iter().map(object).collect()
}

/// Returns the object of event log files.
pub(crate) fn event_log_file() -> Object {
    Object::new("EventLogFile", Class::Standard, Field::list(EVENT_LOG_FILE))
}

const STANDARD: &[(&str, &str)] = &[
    ("Organization", "Id:r Name OrganizationType IsSandbox:b InstanceName TimeZoneSidKey CreatedDate:t"),
    (
        "PermissionSet",
        "Id:r Name Label Type ProfileId:r IsOwnedByProfile:b PermissionsModifyAllData:b PermissionsViewAllData:b \
         PermissionsManageUsers:b PermissionsAuthorApex:b CreatedDate:t",
    ),
    (
        "PermissionSetAssignment",
        "Id:r AssigneeId:r PermissionSetId:r PermissionSetGroupId:r PermissionSet.Name PermissionSet.IsOwnedByProfile:b \
         Assignee.Username Assignee.IsActive:b",
    ),
    ("Profile", "Id:r Name UserType CreatedDate:t"),
    (
        "User",
        "Id:r Username Name IsActive:b UserType ProfileId:r UserRoleId:r CreatedDate:t LastModifiedDate:t \
         SystemModstamp:t Profile.Name UserRole.Name",
    ),
    ("UserRole", "Id:r Name"),
];

const EVENT_LOG_FILE: &str = "Id:r EventType Interval Sequence:i LogDate:t LogFile LogFileContentType \
                              LogFileFieldNames LogFileFieldTypes LogFileLength:d ApiVersion:d CreatedDate:t \
                              CreatedById:r LastModifiedDate:t LastModifiedById:r SystemModstamp:t IsDeleted:b";
