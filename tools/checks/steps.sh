# Sourced by tools/check: runs a step, shows its output when it fails, and leaves a JUnit file with one test case.
# step NAME COMMAND...

results="$build/check"
rm -rf "$results"
mkdir -p "$results"

step() {
  local name=$1 log="$results/$1.log" started=$SECONDS status=0
  shift
  printf '%s ... ' "$name"
  "$@" </dev/null >"$log" 2>&1 || status=$?
  printf '%s (%d s)\n' "$([ $status -eq 0 ] && echo ok || echo FAILED)" $((SECONDS - started))
  local body=""
  if [ $status -ne 0 ]; then
    tail -n 60 "$log"
    body="<failure message=\"status $status\"/>"
  fi
  printf '<testsuite name="check"><testcase classname="check" name="%s">%s</testcase></testsuite>\n' \
    "$name" "$body" >"$results/$name.xml"
  return 0
}
