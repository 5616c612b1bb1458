//! The kernel over generic netlink.
