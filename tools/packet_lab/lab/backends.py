"""The backends: nginx for TCP, lab-responder for UDP and bodies, evenkeel-decap for the tunnels."""

import http.client
import os
import socket
import subprocess
import time

from . import namespaces, network, topology
from .errors import LabError

_READY_SECONDS = 60
_MANY_BACKENDS = 16  # from here on each gets less memory

_NGINX = """\
# Backend {name}: says who it is and whom it sees.
daemon off;
master_process off;
worker_rlimit_nofile 65536;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  server_tokens off;
  default_type text/plain;
  client_max_body_size 0;
  keepalive_requests 1000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_read_timeout 600s;
  proxy_set_header X-Answer "{name} $remote_addr $remote_port";
  server {{
    listen {port} backlog=8192;
    listen [::]:{port} backlog=8192 ipv6only=on;
    listen {first}-{last};
    listen [::]:{first}-{last} ipv6only=on;

    location / {{
      # A body has to be read, which "return" does not wait for.
      if ($request_method ~ "^(POST|PUT|PATCH)$") {{ rewrite ^ /.upload last; }}
      return 200 "{name} $remote_addr $remote_port\\n";
    }}
    location = /.upload {{
      internal;
      proxy_pass http://unix:{directory}/http.sock;
    }}
    location = /healthz {{ return 200 "ok\\n"; }}
    location ~ "^/bytes/[0-9]{{1,12}}$" {{ proxy_pass http://unix:{directory}/http.sock; }}
  }}
}}
"""


def start(lab, state, build, count):
    """Starts all programs of all backends, and returns when every one of them answers."""
    for index, name in enumerate(topology.backend_names(count), 1):
        directory = state.path(name)
        os.mkdir(directory)
        configuration = os.path.join(directory, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(_nginx_configuration(name, directory, count))
        commands = {
            "decap": [
                f"{build}/bin/evenkeel-decap",
                "--interface=eth0",
                f"--vips={topology.VIP_NET_IPV4},{topology.VIP_NET_IPV6}",
            ],
            "responder": [
                f"{build}/tools/packet_lab/lab-responder",
                f"--name={name}",
                f"--udp_port={topology.DNS_PORT}",
                f"--http_socket={directory}/http.sock",
            ],
            "nginx": ["nginx", "-c", configuration, "-e", f"{directory}/nginx.log"],
        }
        namespace = topology.namespace(lab, name)
        for program, command in commands.items():
            _start_in(namespace, command, os.path.join(directory, program + ".log"))
    _wait_until_ready(lab, state, count)


def _nginx_configuration(name, directory, count):
    first, last = topology.HTTP_RANGE
    return _NGINX.format(
        name=name,
        directory=directory,
        connections=8192 if count < _MANY_BACKENDS else 2048,
        port=topology.HTTP_PORT,
        first=first,
        last=last,
    )


def _start_in(namespace, command, log):
    with open(log, "ab") as output:
        try:
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: namespaces.enter_network(namespace),
            )
        except FileNotFoundError:
            raise LabError(f"{command[0]} is missing: run tools/setup, then tools/build") from None


def _wait_until_ready(lab, state, count):
    deadline = time.monotonic() + _READY_SECONDS + count / 5
    router = topology.namespace(lab, "router")
    for index, name in enumerate(topology.backend_names(count), 1):
        while True:
            if not network.has_xdp(lab, name):
                missing = "decap"
            else:
                missing = namespaces.call_inside(router, _missing_answer, index)
            if missing is None:
                break
            if time.monotonic() > deadline:
                log = "nginx.log" if missing == "nginx" else f"{missing}.log"
                raise LabError(
                    f"{missing} of backend {name} does not work", _tail(state.path(name, log))
                )
            time.sleep(0.05)


def _missing_answer(index):
    """Asked from the router: the program of the backend that gives no answer yet, or None."""
    address = topology.backend_ipv4(index)
    try:
        for path, program in (("/healthz", "nginx"), ("/bytes/1", "responder")):
            connection = http.client.HTTPConnection(address, topology.HTTP_PORT, timeout=1)
            connection.request("GET", path)
            if connection.getresponse().status != 200:
                return program
            connection.close()
    except OSError:
        return "nginx"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
            query.settimeout(1)
            query.connect((address, topology.DNS_PORT))
            query.send(b"?")
            query.recv(512)
    except OSError:
        return "responder"
    return None


def _tail(path, lines=10):
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except FileNotFoundError:
        return ""
