{{ config(materialized='view') }}
select id, customer, region, ordered, price from {{ ref('orders') }} where ordered >= date '2024-01-02'
