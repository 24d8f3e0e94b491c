/** The address of the icon. Vite replaces the expression as it stands here. */
export const ICON = new URL('./icon.svg', import.meta.url).href
