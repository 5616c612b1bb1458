//! What a director does, told once and tried on the embedded director and on a real kernel.
//!
//! The real kernel's turn comes only with `IPVS_TUI_LAB=1`, as root, on a machine whose IPVS table
//! may be emptied: `tests/lab` has one. Where the two disagree, the kernel is right.

#![cfg(test)]

mod bench;
mod cases;
mod kernel_bench;
mod sim_bench;
mod undo;

/// One test a case and bench.
macro_rules! contract {
    ($($group:ident { $($case:ident)* })*) => {
        mod on_the_embedded_director {
            $($(#[test] fn $case() { crate::sim_bench::run(crate::cases::$group::$case); })*)*
        }

        mod on_a_real_kernel {
            $($(#[test] fn $case() { crate::kernel_bench::run(crate::cases::$group::$case); })*)*
        }
    };
}

contract! {
    services {
        a_service_is_added_once
        what_is_not_there_is_not_found
        schedulers_and_engines_must_exist
        ipv6_services_want_a_prefix
        the_hashed_flag_is_the_kernels
        an_edit_replaces_the_whole_service
        scheduler_flags_survive_a_switch_and_change_their_owner
        a_service_may_have_no_scheduler
        every_kind_of_key_reads_back
        a_mark_is_a_service_in_each_family
        mark_0_is_never_sent
        a_deleted_service_takes_its_servers_along
        flush_deletes_everything
    }
    servers {
        a_server_is_added_once
        servers_that_are_not_there_are_not_found
        weights_reach_up_to_an_int
        long_lists_are_read_whole
        thresholds_read_back_and_must_not_cross
        what_the_kernel_would_swallow_is_not_sent
        servers_are_unicast
        the_other_family_needs_a_tunnel
        every_way_of_forwarding_reads_back
        tunnels_read_back_and_an_edit_replaces_them
        an_edit_replaces_the_whole_server
        ports_tell_servers_apart
    }
    weights {
        weight_0_moves_new_clients_elsewhere
        dh_refuses_the_clients_of_weight_0
        sh_and_mh_refuse_a_share_without_fallback_and_move_it_with
        mh_gives_no_slots_to_a_server_added_at_0
        all_at_0_refuses
        established_connections_continue_at_0
        a_raised_weight_counts_at_once
        rr_ignores_and_wrr_obeys_weights
        wlc_fills_by_weight
        the_upper_threshold_diverts_and_raising_it_admits
        switching_the_scheduler_keeps_connections
    }
    persistence {
        a_template_passes_weight_0_by
        expire_quiescent_template_ends_that
        the_netmask_groups_clients
        without_persistence_templates_are_not_asked
    }
    deletion {
        connections_of_a_deleted_server_stall_and_come_back
        statistics_continue_with_the_service_and_restart_with_a_new_one
        expire_nodest_conn_ends_connections
    }
    counters {
        counters_come_every_two_seconds_and_counts_at_once
        edits_reset_no_counter
        zero_is_for_a_service_or_for_all
        run_estimation_0_freezes_counters
    }
    plans {
        every_plan_is_taken_back_from_the_journal
        a_day_of_plans_is_taken_back_last_first
        a_conflict_writes_nothing
    }
    director {
        timeouts_keep_what_is_0
        sysctls_read_back
        sync_daemons_start_once_and_stop_once
        sync_daemons_and_mixed_families_exclude_each_other
    }
}

/// What only a real kernel can tell about the embedded director.
#[test]
fn hashing_is_the_kernels() {
    kernel_bench::run(cases::weights::hashing_is_the_embedded_directors);
}
