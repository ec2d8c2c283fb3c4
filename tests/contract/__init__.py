"""The behaviour of SQS, SNS and S3 that the project relies on, one test for each behaviour.

Each test runs against every backend: the in-memory AWS in its interfaces, and the local servers of
others. `gaps.py` lists where a backend differs from AWS, and `programs.py` compares backends. The
name of a test is a claim about AWS, and its docstring has the source of the claim:

    model    the text of botocore's service model, with the operation
    guide    the developer guide of the service, with the page
    known    seen on AWS and reported by its users, but not documented

    pytest tests/contract                                 all backends
    pytest tests/contract -k moto                         one of them
    pytest tests/contract --mega-endpoint-url aws         AWS itself, with your credentials
    pytest tests/contract --mega-endpoint-url URL         another server in the place of AWS
    python -m tests.contract                              the table of the gaps
"""
