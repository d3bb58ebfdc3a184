"""Every fault that was found by attacking and by using the package, and the tests that show it.

Each of the tests has the input of the fault and the right result. The table is held against what
pytest collects: a test that was renamed, or that runs nowhere, takes a fault out of sight.
"""

import json
import subprocess
import sys
from collections import defaultdict
from typing import Any

import pytest

from tests.support.paths import REPOSITORY

FAULTS: dict[str, str] = {
    # ---- what leaves: models
    "the guard let pass what the user had named private": """
        unit_tests/egress/test_net.py::test_a_bare_guarded_model_refuses_what_the_masker_would_mask
        unit_tests/egress/test_net.py::test_a_named_value_is_known_before_it_was_ever_masked""",
    "the guard let pass names, telephone numbers and addresses that nobody had masked": """
        unit_tests/egress/test_net.py::test_a_bare_guarded_model_refuses_what_the_masker_would_mask
        unit_tests/egress/test_net.py::test_a_plain_model_in_a_private_graph_is_examined_too""",
    "a plain tool of an agent sent what it found, guard or none": """
        unit_tests/edge/test_parts.py::test_a_plain_tool_of_an_agent_is_masked_in_state_and_on_the_wire
        unit_tests/edge/test_faults.py::test_a_record_of_a_tool_reaches_no_wire_trace_or_checkpoint""",
    "a retriever in a graph or a chain sent what it found": """
        unit_tests/edge/test_parts.py::test_a_retriever_that_is_a_node_is_masked
        unit_tests/edge/test_parts.py::test_what_a_step_of_a_chain_adds_crosses_masked""",
    "call_local asked a remote model with real values": """
        unit_tests/edge/test_attested_calls.py::test_a_remote_model_is_refused_in_a_local_node
        unit_tests/local/test_call.py::test_a_model_that_is_not_local_is_refused""",
    "call_local of an attested model had no way, and no record": """
        unit_tests/edge/test_attested_calls.py::test_an_attested_model_gets_placeholders
        unit_tests/edge/test_attested_calls.py::test_real_text_by_a_named_policy_is_recorded""",
    "arguments beside the input, bound ones and headers crossed": """
        unit_tests/edge/test_around.py::test_arguments_are_masked
        unit_tests/edge/test_around.py::test_credentials_in_headers_stay""",
    "descriptions of bound tools crossed": """
        unit_tests/edge/test_around.py::test_descriptions_of_bound_tools_are_masked""",
    "the words of a template crossed": """
        unit_tests/edge/test_parts.py::test_what_a_step_of_a_chain_adds_crosses_masked
        unit_tests/edge/test_parts.py::test_public_words_of_a_template_stay""",
    "a remote graph got context, headers and nested settings in clear": """
        unit_tests/egress/test_remote_graph.py::test_what_is_sent_beside_the_input_is_masked_or_refused
        unit_tests/edge/test_around.py::test_nested_settings_are_masked""",
    "a value of one conversation crossed in another": """
        unit_tests/egress/test_ended_sessions.py::test_a_value_of_another_conversation_does_not_cross""",
    "the guard told one person what another had written": """
        unit_tests/egress/test_ended_sessions.py::test_a_value_of_another_conversation_does_not_cross""",
    "encoders that cost nothing passed without a word in the docs": """
        unit_tests/egress/test_encoders.py::test_it_is_refused_or_the_page_names_it
        unit_tests/values/test_spellings.py::test_the_page_shows_the_table""",
    "a thread that a local function started asked a model with real values": """
        unit_tests/edge/test_around.py::test_a_thread_of_a_local_function_belongs_to_it
        unit_tests/edge/test_session.py::test_where_code_runs""",
    # ---- what leaves: structures and escapes
    "fields of a form lost their labels: dicts, models, dataclasses, numbers, days, members": """
        unit_tests/edge/test_labels_and_escapes.py::test_a_filled_form_is_masked_as_the_same_form_in_a_text
        unit_tests/edge/test_labels_and_escapes.py::test_an_enumeration_of_tuples_goes_on_as_its_texts
        unit_tests/edge/test_labels_and_escapes.py::test_a_day_as_python_writes_it_is_a_day
        unit_tests/values/test_walk.py::test_numbers_and_days_are_met_wherever_they_stand""",
    "a form in a state crossed": """
        unit_tests/edge/test_labels_and_escapes.py::test_a_form_in_a_state_crosses_masked""",
    "the guard and its HTTP client let fields pass": """
        unit_tests/edge/test_labels_and_escapes.py::test_a_field_that_nobody_masked_does_not_cross
        unit_tests/egress/test_transport.py::test_a_private_value_is_not_sent""",
    "a record that a tool returned reached the trace, the wire and the checkpoint": """
        unit_tests/edge/test_faults.py::test_a_record_of_a_tool_reaches_no_wire_trace_or_checkpoint""",
    "escapes of JSON, HTML and URLs and base64 were not read": """
        unit_tests/edge/test_labels_and_escapes.py::test_what_json_escapes_is_found_and_said_plainly
        unit_tests/edge/test_labels_and_escapes.py::test_what_other_programs_escape_is_found_by_masker_and_guard
        unit_tests/edge/test_labels_and_escapes.py::test_a_tool_that_dumps_a_record_leaks_nothing""",
    "an error that quoted JSON reached trace and checkpoint": """
        unit_tests/edge/test_labels_and_escapes.py::test_an_error_that_dumps_a_record_leaks_nothing
        unit_tests/edge/test_faults.py::test_a_record_of_a_tool_reaches_no_wire_trace_or_checkpoint""",
    "other spellings in later messages crossed, or every later turn was refused": """
        unit_tests/edge/test_faults.py::test_other_spellings_in_later_messages_cross_masked_and_come_back
        unit_tests/edge/test_faults.py::test_a_login_and_a_full_width_surname_are_the_person
        unit_tests/values/test_masker_and_guard.py::test_what_the_guard_refuses_the_masker_masks""",
    "numbers as keys of JSON came back as JSON that is none": """
        unit_tests/masking/test_surfaces.py::test_a_number_as_a_json_key_stays_a_string""",
    "a content block of an odd shape raised a foreign error, or passed": """
        unit_tests/edge/test_faults.py::test_content_blocks_of_odd_shapes
        unit_tests/masking/test_surfaces.py::test_a_content_block_of_any_shape_is_masked""",
    # ---- what leaves: links and tools
    "links and pictures of an answer carried values to a stranger's host": """
        unit_tests/masking/test_link_targets.py::test_the_renderer_would_fetch
        unit_tests/masking/test_link_targets.py::test_nothing_is_fetched_with_a_value
        unit_tests/masking/test_link_targets.py::test_whatever_is_written_no_host_gets_a_value""",
    "a tool's argument with a host in it got values": """
        unit_tests/edge/test_tools.py::TestPolicy::test_text_for_another_interpreter
        unit_tests/edge/test_tools.py::TestPolicy::test_a_host_in_one_field_of_an_argument""",
    # ---- what leaves: traces
    "with_retry, with_fallbacks, map, assign, pick and as_tool recorded the raw input": """
        unit_tests/edge/test_around.py::test_compositions_stay_private
        unit_tests/edge/test_around.py::test_a_fault_is_retried_and_fallen_back_from_behind_the_edge""",
    "a run that was traced before its values were known left raw": """
        unit_tests/tracing/test_holding.py::test_a_function_that_works_before_it_calls_an_agent
        unit_tests/tracing/test_holding.py::test_a_chain_that_masks_in_its_midst
        unit_tests/tracing/test_holding.py::test_nothing_of_a_run_is_sent_before_its_end_and_all_of_it_after""",
    "a long input was sent before the trace's end": """
        unit_tests/tracing/test_holding.py::test_what_there_is_no_room_for_is_sent_without_its_content""",
    "the secure model sent text and headers to LangSmith": """
        unit_tests/secure/test_chat_model.py::test_traces_without_a_guard_are_warned_of_and_hold_no_headers""",
    "the check of traces looked up a host that nobody had named": """
        unit_tests/tracing/test_holding.py::test_a_host_that_nobody_configured_is_not_asked""",
    "what ends a run and is no Exception reached traces": """
        unit_tests/edge/test_around.py::test_what_ends_a_run_is_masked""",
    # ---- servers
    "LangGraph's server stored what clients sent and what the edge restored": """
        integration_tests/test_langgraph_server.py::test_clients_see_values_and_the_server_none
        integration_tests/test_langgraph_server.py::test_its_files_hold_no_value
        unit_tests/edge/test_asgi.py::test_content_is_masked_and_comes_back
        unit_tests/edge/test_asgi.py::test_the_edge_inside_leaves_it_to_the_outer_one_to_restore
        unit_tests/edge/test_asgi.py::test_no_shape_of_a_request_lets_a_value_pass""",
    "a page that was loaded again showed placeholders": """
        integration_tests/test_langgraph_server.py::test_clients_see_values_and_the_server_none
        unit_tests/edge/test_asgi.py::test_a_list_of_threads_is_restored_thread_by_thread""",
    "a run under the server died because a loop waited for the vault": """
        integration_tests/test_async_vault.py::test_the_loop_does_not_wait_for_a_store_without_one""",
    # ---- restarts
    "nobody said that values would be gone after a restart": """
        unit_tests/edge/test_restart.py::test_one_warning_where_placeholders_outlive_their_values
        unit_tests/edge/test_restart.py::test_a_store_that_persists_warns_too""",
    "a tool acted on a placeholder after a restart": """
        unit_tests/edge/test_restart.py::test_a_tool_does_not_act_on_a_placeholder_of_a_lost_vault
        unit_tests/edge/test_restart.py::test_without_a_call_of_a_model_it_is_an_error""",
    "the shortest example lost its values; a person approved a placeholder": """
        unit_tests/edge/test_restart.py::test_a_vault_that_stays_resolves_it
        integration_tests/test_examples.py::test_a_private_agent_waits_for_a_person_and_outlives_its_process
        unit_tests/test_docs.py::test_fences""",
    # ---- what a person sees
    "reasoning, transcripts, code, custom tools and log-probabilities streamed as placeholders": """
        unit_tests/edge/test_streams.py::test_a_value_comes_back_wherever_the_text_is_cut
        unit_tests/edge/test_streams.py::test_log_probabilities_tell_the_restored_text
        unit_tests/edge/test_providers.py::test_restored_in_pieces_is_restored_whole
        unit_tests/edge/test_providers.py::test_a_person_never_sees_a_placeholder""",
    "chains that stream dicts and partial JSON showed placeholders and halves of them": """
        unit_tests/edge/test_streams.py::test_chains_that_stream_dicts
        unit_tests/edge/test_streams.py::test_dicts_that_are_added_up
        unit_tests/edge/test_streams.py::test_json_so_far_grows_without_half_a_placeholder
        unit_tests/edge/test_streams.py::test_a_typed_dict_grows_before_the_person""",
    "what one thread of a user remembered was a placeholder in the next": """
        unit_tests/edge/test_restart.py::test_a_session_for_each_user""",
    "a local function looked up a placeholder, since its settings were masked": """
        unit_tests/edge/test_restart.py::test_a_local_function_looks_up_by_its_settings""",
    "a cache of nodes or tasks showed another thread's placeholder": """
        unit_tests/edge/test_faults.py::test_a_cached_result_is_the_threads_own""",
    "callback handlers could not show real tokens": """
        unit_tests/edge/test_callbacks.py::test_tokens_are_real_and_complete
        unit_tests/edge/test_callbacks.py::test_a_tracer_gets_no_real_values""",
    "a history by session id showed placeholders at the second turn": """
        unit_tests/edge/test_faults.py::test_a_history_by_session_id_comes_back""",
    # ---- structured output, state, words that decide
    "schemas with formats, patterns and days refused placeholders": """
        unit_tests/edge/test_steps.py::test_the_schema_sees_real_values
        unit_tests/edge/test_structured.py::test_validated_with_real_values
        unit_tests/edge/test_structured.py::test_trustcall_validates_real_values""",
    "schemas crossed with limits that only an invented value satisfies": """
        unit_tests/edge/test_steps.py::test_what_crosses_demands_nothing_that_a_placeholder_is_not
        unit_tests/edge/test_steps.py::test_agents_send_relaxed_schemas_of_answers_and_tools
        unit_tests/edge/test_steps.py::test_what_the_schema_refuses_is_asked_for_once_more
        unit_tests/edge/test_steps.py::test_a_second_refusal_is_raised_masked""",
    "literals and routing values were masked, and graphs took the other branch": """
        unit_tests/edge/test_control.py::test_literals_and_enums_of_a_state
        unit_tests/edge/test_control.py::test_names_of_nodes_and_what_routers_say
        unit_tests/edge/test_control.py::test_a_swarm_of_agents_with_names_of_people""",
    "a state that validates raised": """
        unit_tests/edge/test_states.py::test_a_node_gets_its_object_masked
        unit_tests/edge/test_states.py::test_what_is_really_wrong_is_refused_masked""",
    "ordinary names of tools were refused, without a word which": """
        unit_tests/edge/test_faults.py::test_names_of_tools_are_taken_as_they_are
        unit_tests/edge/test_control.py::test_names_of_tools""",
    "no model was told what a placeholder is": """
        unit_tests/edge/test_steps.py::test_an_agent_tells_it_once_and_in_the_same_words
        unit_tests/edge/test_steps.py::test_a_chain_tells_its_model_what_placeholders_are""",
    "the builder's own words were masked, and by thread, so that no cache hit": """
        unit_tests/edge/test_faults.py::test_a_declared_system_prompt_is_the_same_in_every_thread
        unit_tests/edge/test_parts.py::test_public_words_of_a_template_stay""",
    "a list of private words was an AttributeError": """
        unit_tests/edge/test_control.py::test_private_values_in_a_list
        unit_tests/edge/test_control.py::test_private_values_in_another_way""",
    # ---- crashes and costs
    "a vault in an async store could not be asked while tokens came": """
        integration_tests/test_async_vault.py::test_tokens_are_restored_on_the_loop_of_the_store""",
    "version 2 lost the class of a state": """
        unit_tests/edge/test_around.py::test_a_state_keeps_its_class_in_version_2""",
    "a stream that was left went on behind the edge": """
        unit_tests/edge/test_streams.py::test_leaving_a_stream_ends_what_runs""",
    "a private model had no bind_tools, a private remote graph no state": """
        unit_tests/edge/test_around.py::test_descriptions_of_bound_tools_are_masked
        unit_tests/egress/test_remote_graph.py::test_the_state_of_a_private_remote_graph""",
    "fields that may be configured were lost; a Runnable without a name raised": """
        unit_tests/edge/test_around.py::test_fields_that_may_be_configured_are_still_named
        unit_tests/edge/test_around.py::test_a_runnable_without_a_name""",
    "a model for each request, and a thread for each person, stayed in memory": """
        unit_tests/edge/test_cost.py::test_models_of_single_requests_are_not_kept
        unit_tests/edge/test_cost.py::test_a_thread_keeps_its_values_and_little_more
        unit_tests/edge/test_cost.py::test_what_was_read_is_remembered_of_the_last_threads_only""",
    "the state was restored for every part of a stream": """
        unit_tests/edge/test_cost.py::test_a_state_is_restored_once_and_not_for_every_part""",
    "a refusal was logged as an error of a callback": """
        unit_tests/edge/test_around.py::test_a_refusal_is_raised_and_not_logged""",
    "the guard let no session go": """
        unit_tests/egress/test_ended_sessions.py::test_no_entry_outlives_an_ephemeral_run_or_what_was_forgotten
        unit_tests/egress/test_ended_sessions.py::test_no_entry_outlives_its_time
        unit_tests/egress/test_ended_sessions.py::test_nothing_of_a_forgotten_session_is_known_afterwards""",
    "asking the guard cost more with every session": """
        unit_tests/egress/test_ended_sessions.py::test_asking_costs_the_same_however_many_sessions_live""",
    "the guard and the detectors took the square of a text's length": """
        unit_tests/egress/test_clean.py::test_the_guard_takes_no_more_than_the_length
        unit_tests/detection/test_hostile_text.py::test_time_grows_with_the_length_and_not_faster
        unit_tests/detection/test_hostile_text.py::test_a_megabyte_with_all_detectors_costs_four_times_a_quarter_of_it""",
    # ---- vaults and files
    "a vault in a store read the conversation again at each turn": """
        unit_tests/vault/test_again.py::test_a_conversation_is_read_once""",
    "an old placeholder restored to another person after forgetting": """
        unit_tests/vault/test_again.py::test_codes_of_a_forgotten_session_resolve_to_nobody
        unit_tests/vault/test_again.py::test_codes_of_an_expired_session_resolve_to_nobody
        unit_tests/vault/test_again.py::test_processes_agree_about_a_session_that_began_again""",
    "a step of the clock erased a session": """
        unit_tests/vault/test_again.py::test_a_clock_that_is_set_loses_nothing""",
    "a full disk kept what was to be forgotten": """
        unit_tests/vault/test_store.py::test_forgetting_on_a_full_disk""",
    "a plain Redis could not hold a vault, and no extra brought it": """
        integration_tests/test_redis_store.py::test_it_answers_as_the_store_in_memory
        integration_tests/test_redis_store.py::test_rotation_forgetting_and_expiry
        unit_tests/test_extras.py::test_what_needs_an_extra_says_which_one""",
    "ledgers and vaults were made for everybody to read": """
        unit_tests/egress/test_ledger.py::test_a_new_ledger_is_its_owners_only
        unit_tests/edge/test_restart.py::test_the_key_is_found_or_made""",
    "the process of the embedded model was told the secrets of the environment": """
        unit_tests/local/test_embedded.py::test_it_is_told_no_secrets_of_the_environment""",
    # ---- the page to sign, the commands, the first hour
    "the page to sign lost its verdict on a screen, a phone and on paper": """
        integration_tests/test_report_page.py::test_every_column_is_whole
        integration_tests/test_report_page.py::test_a_phone_shows_letters_that_can_be_read
        integration_tests/test_report_page.py::test_paper_breaks_no_word_and_repeats_its_heads
        unit_tests/cli/test_ledger.py::test_report_is_one_page_that_loads_nothing""",
    "the page named no application and no rule in words, and had no place to sign": """
        unit_tests/cli/test_ledger.py::test_the_first_line_is_what_an_officer_signs
        unit_tests/cli/test_ledger.py::test_real_text_to_an_attested_endpoint_is_said""",
    "charts of one bar": """
        unit_tests/cli/test_ledger.py::test_many_days_are_drawn_by_month""",
    "the ledger's command cut names, knew no JSON and made a ledger to look at": """
        unit_tests/cli/test_ledger.py::test_names_are_whole_where_a_program_reads
        unit_tests/cli/test_ledger.py::test_show_as_json
        unit_tests/cli/test_ledger.py::test_no_ledger_is_made_to_be_looked_at""",
    "the guard's ledger was not where the command looks, and its purpose was chat for all": """
        unit_tests/cli/test_ledger.py::test_a_ledger_without_a_place_is_where_the_command_looks
        unit_tests/egress/test_ask.py::test_the_ledger_tells_what_was_asked_for""",
    "a model without a price cost nothing": """
        unit_tests/cli/test_ledger.py::test_names_are_whole_where_a_program_reads
        unit_tests/egress/test_prices.py::test_a_model_that_is_not_listed_has_no_price""",
    "a closed pipe was a traceback": """
        unit_tests/cli/test_ledger.py::test_a_reader_that_goes_away_is_no_fault""",
    "a misspelled type of the scan was a clean result": """
        unit_tests/cli/test_scan.py::test_a_type_that_does_not_exist_is_wrong_usage""",
    "the scan could not read databases": """
        unit_tests/cli/test_scan.py::test_a_database_is_read_row_by_row""",
    "a server that was away was a statement that failed, with one driver": """
        integration_tests/test_sql_databases.py::test_a_server_that_is_away_is_unavailable""",
    "a missing extra was a bare ImportError": """
        unit_tests/test_extras.py::test_what_needs_an_extra_says_which_one
        unit_tests/sql/test_guard.py::test_without_sqlglot_the_room_says_what_to_install
        unit_tests/tracing/test_otel.py::test_without_the_sdk_it_says_what_to_install""",
    "the example of the loop used the ledger at home and showed the loop costing more": """
        integration_tests/test_examples.py::test_the_minion_costs_less_than_its_document_and_keeps_its_own_ledger""",
    "nodes without private() said that there is no document": """
        unit_tests/vault/test_memory.py::test_documents_have_one_reference_by_text_and_session""",
    "a name from another room was an ImportError without a way": """
        unit_tests/test_public_names.py::test_a_name_of_a_room_says_where_it_lives
        unit_tests/test_public_names.py::test_a_wrong_import_says_where_the_name_lives""",
    "public names stood nowhere in the docs": """
        unit_tests/test_reference.py::test_the_pages_are_those_that_the_script_writes
        unit_tests/test_public_names.py::test_every_public_name_imports_and_is_documented""",
    # ---- found later, by reading
    "dates were read in three ways, of which two knew neither 13.04.2025 nor 06/30/2025": """
        unit_tests/minions/test_combine.py::test_dates
        unit_tests/minions/test_figures.py::test_natural_figures_follow""",
    "the demo took a model of Ollama's cloud": """
        unit_tests/cli/test_local_models.py::test_the_demo_takes_no_model_that_runs_in_the_cloud""",
    "sums of long numbers were wrong in their last digits, a ratio of two ended the run": """
        unit_tests/minions/test_combine.py::test_combine
        unit_tests/minions/test_jobs.py::test_results_of_long_numbers_are_combined""",
    "arithmetic left the size of a number out: $1.2 million and 300,000 came to 300,001.2": """
        unit_tests/minions/test_combine.py::test_combine
        unit_tests/minions/test_graph.py::test_a_result_fits_the_size_that_the_answer_names""",
    "8 mm were eight millions": """
        unit_tests/minions/test_quantities.py::test_numbers""",
    # ---- found later, by the random conversations
    "a record that is first read after a session was erased was taken for a leak": """
        integration_tests/conversations/test_conversations.py::test_a_record_that_is_first_read_after_forgetting_is_whole
        integration_tests/conversations/test_conversations.py::test_a_vault_that_forgets_nothing_is_found_out""",
}
"""The tests that show each fault; one of them at least runs everywhere, with every push."""


@pytest.fixture(scope="module")
def collected() -> dict[str, list[dict[str, Any]]]:
    """What pytest collects of the named files, by the test's id without parameters."""
    files = sorted({test.partition("::")[0] for tests in FAULTS.values() for test in tests.split()})
    command = [sys.executable, "-m", "tests.support.collected", *(f"tests/{f}" for f in files)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    found = defaultdict(list)
    for line in done.stdout.splitlines():
        if line.startswith(">{"):
            told = json.loads(line[1:])
            found[told["test"]].append(told)
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_shown(collected: dict[str, list[dict[str, Any]]], fault: str) -> None:
    tests = FAULTS[fault].split()
    assert [test for test in tests if test not in collected] == []
    of_all = [told for test in tests for told in collected[test]]
    assert not [told["test"] for told in of_all if "xfail" in told["marks"]]
    everywhere = [t for t in of_all if not t["skipped"] and "slow" not in t["marks"]]
    assert everywhere, "no test of it runs here"
