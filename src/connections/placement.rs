//! Which servers of a table the rows of a pass belong to. Grows with the pass.

use std::sync::Arc;

use super::lane::{Claims, Lane, Place, Places};
use crate::ipvs::ServiceKey;

/// The claims of a table's servers on the lanes of a pass.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    places: Arc<Places>,
    lanes: Arc<Vec<Lane>>,
    claims: Vec<Claims>,
}

impl Placement {
    /// Nothing placed yet, in a table with these servers.
    pub fn new(places: Places) -> Self {
        Self { places: Arc::new(places), lanes: Arc::default(), claims: Vec::new() }
    }

    /// All the lanes of a pass that is over, placed.
    pub fn whole(places: Places, lanes: Arc<Vec<Lane>>) -> Self {
        let claims = lanes.iter().map(|lane| places.claim(lane)).collect();
        Self { places: Arc::new(places), lanes, claims }
    }

    /// Takes in the lanes that are new among `lanes`.
    pub fn extend(&mut self, lanes: &[Lane]) {
        let new = lanes.get(self.lanes.len()..).unwrap_or_default();
        if new.is_empty() {
            return;
        }
        self.claims.extend(new.iter().map(|lane| self.places.claim(lane)));
        Arc::make_mut(&mut self.lanes).extend_from_slice(new);
    }

    /// The lanes that were taken in.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The servers of the table, by number.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Who claims the rows of a lane.
    pub fn claims(&self, lane: usize) -> &Claims {
        self.claims.get(lane).unwrap_or(&Claims::None)
    }

    /// The servers that a lane's rows may belong to.
    pub fn places_of(&self, lane: usize) -> impl Iterator<Item = &Place> {
        self.claims(lane).numbers().iter().filter_map(|number| self.places.get(*number))
    }

    /// The service of a lane: the one that claims it, if that is one, or else as its rows name it.
    pub fn service(&self, lane: usize) -> Option<ServiceKey> {
        let mut services = self.places_of(lane).map(|place| place.0);
        match services.next() {
            Some(one) if services.all(|other| other == one) => Some(one),
            _ => self.lanes.get(lane).map(Lane::service),
        }
    }

    /// Whether nobody claims the rows of a lane.
    pub fn is_orphan(&self, lane: usize) -> bool {
        *self.claims(lane) == Claims::None
    }
}
