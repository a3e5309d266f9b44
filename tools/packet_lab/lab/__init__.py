"""The lab: client, router, load balancer and backends as network namespaces.

    command_line  the verbs                       topology    names and addresses, nothing else
    lifecycle     up and down, step by step       network     namespaces, links, addresses, routes
    programs      evenkeeld, evenkeel-dataplane   backends    nginx, responder, evenkeel-decap
    traffic       does traffic flow?              lab_config  the default lab.yaml
    state         what is remembered on disk      namespaces  entering them, ending what runs there
"""
