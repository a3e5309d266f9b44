# Sourced by tools/check: runs a step, shows its output when it fails, and leaves a JUnit file with one test case.
# A step with cases is told, as its last argument, where to leave a JUnit file of its own.
#
#   step NAME COMMAND...
#   step_with_cases NAME COMMAND...
#   beside NAME COMMAND... ; ... ; step NAME ended
#
# What is begun beside gets the time that the steps meanwhile leave.

results="$build/check"
rm -rf "$results"
mkdir -p "$results"
junit_files=()

step() {
  local name=$1 log="$results/$1.log" started=$SECONDS status=0
  shift
  printf '%s ... ' "$name"
  "$@" </dev/null >"$log" 2>&1 || status=$?
  printf '%s (%d s)\n' "$([ $status -eq 0 ] && echo ok || echo FAILED)" $((SECONDS - started))
  local body=""
  if [ $status -ne 0 ]; then
    # Terminals' escape sequences would hide what they stand in.
    tail -n 60 "$log" | tr -d '\000-\010\013-\037'
    body="<failure message=\"status $status\"/>"
  fi
  printf '<testsuite name="check"><testcase classname="check" name="%s">%s</testcase></testsuite>\n' \
    "$name" "$body" >"$results/$name.xml"
  junit_files+=("$results/$name.xml")
  return 0
}

step_with_cases() {
  step "$@" "$results/$1.cases.xml"
  junit_files+=("$results/$1.cases.xml")
}

beside() {
  beside_log=$results/$1.beside.log
  shift
  chrt --idle 0 "$@" </dev/null >"$beside_log" 2>&1 &
  beside_pid=$!
  trap 'kill "$beside_pid" 2>/dev/null || true' EXIT
}

ended() {
  local status=0
  wait "$beside_pid" || status=$?
  cat "$beside_log"
  trap - EXIT
  return $status
}
