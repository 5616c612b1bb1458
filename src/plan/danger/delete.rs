//! What does not come back: deleted entries and zeroed counters.

use super::Danger;
use super::course::Course;
use super::stop::all_of;
use crate::ipvs::Change;

/// What `change` takes away, looked at right before it is made.
pub(super) fn before(change: &Change, course: &Course<'_>) -> Option<Danger> {
    let snapshot = course.snapshot;
    let expire_nodest_conn = course.is_on("expire_nodest_conn");
    match change {
        // Servers that go with their service are told with it.
        Change::Server { service, before: Some(server), after: None }
            if !course.is_doomed(service) =>
        {
            let entry = snapshot.server(service, &server.key);
            Some(Danger::DeleteServer {
                service: *service,
                server: server.key,
                connections: entry.map_or(0, all_of),
                expire_nodest_conn,
            })
        }
        Change::Service { before: Some(service), after: None } => {
            let entry = snapshot.service(&service.key);
            // A plan may have deleted its servers already.
            let there = course.held(&service.key).map_or(0, |held| held.servers.len());
            Some(Danger::DeleteService {
                service: service.key,
                servers: entry.map_or(there, |e| e.servers.len()),
                connections: entry.map_or(0, |e| e.active() + e.inactive()),
                expire_nodest_conn,
            })
        }
        Change::Flush => Some(Danger::Flush {
            services: snapshot.services.len(),
            servers: snapshot.services.iter().map(|e| e.servers.len()).sum(),
            connections: snapshot.services.iter().map(|e| e.active() + e.inactive()).sum(),
        }),
        Change::Zero(service) => Some(Danger::Zero { service: *service }),
        _ => None,
    }
}
