"""Policy families: their choice by rule, and the figures that only some of them have."""
