"""Quality jobs: PSNR and SSIM over a dataset."""
