"""The AWS CLI, with the same arguments, where it is to read a session of `aws login`.

botocore refuses such a profile where awscrt is missing, with which it signs the renewal of a session; with
awscrt it signs everything else by it too, and other stories would have another CLI. Reading keys that are
good signs nothing: so it is told that there is one, and meets none where it would renew."""

import sys

import botocore.credentials

import awscli.clidriver

botocore.credentials.EC = botocore.credentials.EC or object()
sys.exit(awscli.clidriver.create_clidriver().main(sys.argv[1:]))
