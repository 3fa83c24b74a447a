"""An outdoor clothing shop that does not exist, and its 500 products: data of `kaggle.ipynb`."""
