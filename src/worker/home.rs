//! A director in a network namespace that has a name. Whoever holds a namespace open keeps it alive
//! when its name is deleted: its table can still be read and changed, and no packet comes by. So
//! the name is looked at before every reading, and a new namespace of that name is entered.

use super::Director;
use crate::kernel::KernelError;
use crate::kernel::netlink::Namespace;
use crate::snapshot::Epoch;

/// Opens the director in the calling thread's namespaces anew, with moments from an instant.
pub type Opener = Box<dyn Fn(Epoch) -> Result<Director, KernelError> + Send>;

/// The namespace of a director, and how to open one of its name again.
pub struct Home {
    namespace: Namespace,
    inode: Option<u64>,
    opened: Epoch,
    open: Opener,
}

impl Home {
    /// The namespace that the calling thread has just entered.
    pub fn new(namespace: Namespace, opened: Epoch, open: Opener) -> Self {
        let inode = namespace.inode();
        Self { namespace, inode, opened, open }
    }

    /// Whether there is another namespace of that name now.
    ///
    /// # Errors
    /// [`KernelError::Namespace`] when there is none.
    fn has_moved(&self) -> Result<bool, KernelError> {
        let inode = self.namespace.inode().ok_or_else(|| self.namespace.gone())?;
        Ok(self.inode != Some(inode))
    }
}

impl Director {
    /// Makes sure that this is the director of the namespace that the name stands for now, and
    /// tells whether it was another one before.
    ///
    /// # Errors
    /// [`KernelError::Namespace`] when there is none of that name, or it cannot be entered; what
    /// opening it says.
    pub(super) fn stays_home(&mut self) -> Result<bool, KernelError> {
        let Some(home) = &mut self.home else { return Ok(false) };
        if !home.has_moved()? {
            return Ok(false);
        }
        home.namespace.enter()?;
        let inode = home.namespace.inode();
        self.hand = None; // its book is locked
        let there = (home.open)(home.opened)?;
        home.inode = inode;
        (self.reader, self.hand) = (there.reader, there.hand);
        Ok(true)
    }
}
