/** VitePress's own theme, with tables for pages that have many. */

import DefaultTheme from 'vitepress/theme'
import './tables.css'

// biome-ignore lint/style/noDefaultExport: VitePress looks for one
export default DefaultTheme
