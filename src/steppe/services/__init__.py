"""The AWS APIs, one package a service named as the boto3 client, and the app that serves them on one port."""
