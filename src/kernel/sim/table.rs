//! The connection table: entries by key, and the timers that end them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Ms;
use super::conn::{Conn, ConnId, ConnKey};

/// All connections and templates.
///
/// An entry has one timer event in the queue. A packet only moves `expires`; when the event comes
/// too early it is put back. So a lively connection costs no queue work per packet.
#[derive(Default)]
pub(super) struct Table {
    slots: Vec<Option<Conn>>,
    free: Vec<u32>,
    index: HashMap<ConnKey, ConnId>,
    timers: BinaryHeap<Reverse<(Ms, ConnId)>>,
}

impl Table {
    pub(super) fn find(&self, key: &ConnKey) -> Option<ConnId> {
        self.index.get(key).copied()
    }

    pub(super) fn get(&self, id: ConnId) -> Option<&Conn> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    pub(super) fn insert(&mut self, conn: Conn) -> ConnId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        let id = ConnId(index);
        self.index.insert(conn.key, id);
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(conn);
        }
        self.arm(id);
        id
    }

    pub(super) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        let conn = self.slots.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        if self.index.get(&conn.key) == Some(&id) {
            self.index.remove(&conn.key);
        }
        Some(conn)
    }

    /// Restarts the timer of `id` with the entry's own timeout.
    pub(super) fn restart(&mut self, id: ConnId, now: Ms) {
        let Some(conn) = self.get_mut(id) else { return };
        conn.expires = now + conn.timeout;
        if conn.expires < conn.armed {
            self.arm(id);
        }
    }

    fn arm(&mut self, id: ConnId) {
        let Some(conn) = self.get_mut(id) else { return };
        conn.armed = conn.expires;
        let due = conn.expires;
        self.timers.push(Reverse((due, id)));
    }

    /// No lookup finds the entry any more; it lives on until its timer ends.
    pub(super) fn hide(&mut self, id: ConnId) {
        let Some(conn) = self.get_mut(id) else { return };
        conn.invalid = true;
        let key = conn.key;
        if self.index.get(&key) == Some(&id) {
            self.index.remove(&key);
        }
    }

    /// When the next timer event is due.
    pub(super) fn next_due(&self) -> Option<Ms> {
        self.timers.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes one timer event that is due by `now`; the entry if it really ends.
    pub(super) fn expired(&mut self, now: Ms) -> Option<Option<ConnId>> {
        let Reverse((due, id)) = *self.timers.peek().filter(|Reverse((due, _))| *due <= now)?;
        self.timers.pop();
        let stale = self.get(id).is_none_or(|conn| conn.armed != due);
        if stale {
            return Some(None);
        }
        if self.get(id).is_some_and(|conn| conn.expires > now) {
            self.arm(id);
            return Some(None);
        }
        Some(Some(id))
    }

    /// All entries with their ids, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Conn)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(at, conn)| Some((ConnId(at as u32), conn.as_ref()?)))
    }
}
