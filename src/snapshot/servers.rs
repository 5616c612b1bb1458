//! A service's real servers, shared between snapshots as long as they are not read anew.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ServerEntry;

/// A service's real servers, sorted by key. Copies share the list until one is changed: of a
/// large table most servers are carried over from one snapshot to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Servers(Arc<Vec<ServerEntry>>);

impl Servers {
    /// Whether both are the same reading, so that nothing can have changed.
    pub fn same_reading(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Servers {
    type Target = Vec<ServerEntry>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Servers {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<ServerEntry>> for Servers {
    fn from(all: Vec<ServerEntry>) -> Self {
        Self(Arc::new(all))
    }
}

impl FromIterator<ServerEntry> for Servers {
    fn from_iter<T: IntoIterator<Item = ServerEntry>>(all: T) -> Self {
        all.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'a> IntoIterator for &'a Servers {
    type Item = &'a ServerEntry;
    type IntoIter = std::slice::Iter<'a, ServerEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Servers {
    type Item = &'a mut ServerEntry;
    type IntoIter = std::slice::IterMut<'a, ServerEntry>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::make_mut(&mut self.0).iter_mut()
    }
}
